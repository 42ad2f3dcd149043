"""One environment against another: the web service's with the worker's, the server's, and the client's.

Secrets, keys and ids are compared by fingerprint; a line to paste refers to a variable, and never holds a value.
"""

import re
from collections.abc import Iterator

from reverb_py import codes
from reverb_py.diagnosis.doctor.client_variables import client_target
from reverb_py.diagnosis.doctor.environment import (
    Publisher,
    clean_host,
    is_loopback,
    is_on_railway,
    is_private_name,
    text_of,
)
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.lines import WHOLE, on_railway, server_service, service_of
from reverb_py.diagnosis.doctor.lint import WITHOUT_WORKER
from reverb_py.diagnosis.doctor.target import Environment
from reverb_py.diagnosis.fingerprint import fingerprint

FAIL, WARN, PASS = Status.FAIL, Status.WARN, Status.PASS
# In the order in which they are told.
COMPARED = ("APP_ID", "APP_KEY", "APP_SECRET")
_VALUES = {  # that a line to paste may hold; a key is hidden everywhere, since it is often exchanged with the secret
    "CONNECTION": re.compile("reverb|pusher|database|redis|sqs|beanstalkd|sync|deferred|background|failover"),
    "ID": re.compile(r"[\w-]+"),
    "HOST": re.compile(r"[\w.:-]+"),
    "PORT": re.compile("[0-9]+"),
    "SCHEME": re.compile("https?"),
}
QUEUES = ("DB_QUEUE", "REDIS_QUEUE", "SQS_QUEUE")


def compare_worker(web: Publisher, worker: Publisher) -> list[Finding]:
    """What the worker's variables say beside the web service's: it is the worker that publishes."""
    if text_of(web.environment.values, "QUEUE_CONNECTION", "database") in WITHOUT_WORKER:
        return [Finding(Status.SKIP, "the worker was not compared: this QUEUE_CONNECTION needs none", "compare.worker")]
    wrong = list(_worker_differences(web, worker))
    if wrong:
        verb = "cannot publish" if _cannot_publish(web, worker) else "differs from the web service"
        title = f"The worker {verb}: {'; '.join(wrong)}"
        fix = _worker_fix(web, worker)
        evidence = _web_is_fine(web)
        return [Finding(FAIL, title, "compare.worker", codes.WORKER_DIFFERS, evidence, fix), *_queue_names(web, worker)]
    same = Finding(PASS, f"{worker.source} broadcasts as {web.source} does", "compare.worker")
    return [same, *_addresses(web, worker), *_queue_names(web, worker)]


def lacks(web: Publisher, worker: Publisher) -> list[str]:
    """Return what the worker needs for publishing and has not, and the web service has: APP_ID, …, HOST."""
    given = [(each.app_id, each.key, each.secret, each.host) for each in (web, worker)]
    return [part for part, ours, theirs in zip((*COMPARED, "HOST"), *given, strict=True) if ours and not theirs]


def _cannot_publish(web: Publisher, worker: Publisher) -> bool:
    return bool(worker.missing or lacks(web, worker)) or (web.broadcasts and not worker.broadcasts)


def _worker_differences(web: Publisher, worker: Publisher) -> Iterator[str]:
    lacking = lacks(web, worker)
    if lacking:
        ends = (part.rpartition("_")[2] for part in lacking[1:])
        yield f"{worker.source} has no {'/'.join([f'{web.prefix}_{lacking[0]}', *ends])}"
    if web.connection != worker.connection:
        name = worker.variable or "BROADCAST_CONNECTION"
        ours, theirs = _word(web.connection) or "unset", _word(worker.connection) or "unset (→ null)"
        yield f"{name} is {theirs}, in {web.source} {ours}"
    for name, ours, theirs in _credentials(web, worker):
        if ours and theirs and ours != theirs:
            yield f"{name} is {fingerprint(theirs)}, in {web.source} {fingerprint(ours)}"
    queues = [_queue(each) for each in (web, worker)]
    if queues[0] != queues[1]:
        yield f"QUEUE_CONNECTION is {_word(queues[1])}, in {web.source} {_word(queues[0])}: it looks into another queue"


def _credentials(one: Publisher, other: Publisher) -> list[tuple[str, str, str]]:
    names = [f"{other.prefix}_{name}" for name in COMPARED]
    return list(zip(names, (one.app_id, one.key, one.secret), (other.app_id, other.key, other.secret), strict=True))


def _queue(publisher: Publisher) -> str:
    return text_of(publisher.environment.values, "QUEUE_CONNECTION", "database")


def _word(text: str) -> str:
    """A connection's name; whatever is no such word may be a secret in the wrong place."""
    return text if text.isidentifier() and len(text) <= 20 else fingerprint(text) if text else ""


def _web_is_fine(web: Publisher) -> str:
    if web.missing or not web.broadcasts:
        return ""
    return f"{web.source} is complete (secret {fingerprint(web.secret)}), so that clients can subscribe"


def _worker_fix(web: Publisher, worker: Publisher) -> tuple[str, ...]:
    """Lines to paste: Railway's references where one of the two comes from there, else what the web service has."""
    names = [web.variable or "BROADCAST_CONNECTION", *(f"{web.prefix}_{part}" for part in WHOLE), "QUEUE_CONNECTION"]
    ours, theirs = web.environment.values, worker.environment.values
    other = [name for name in names if name in ours and text_of(ours, name) != text_of(theirs, name)]
    if not (is_on_railway(ours) or is_on_railway(theirs)):
        return (*(f"{name}={_shown(web, name)}" for name in other), "php artisan queue:restart")
    return on_railway(_references(web, other), service_of(worker.environment, "worker"))


def _references(web: Publisher, names: list[str]) -> dict[str, str]:
    """Refer to the web service's variables, or to the server's where only its name is known, by the private host."""
    service, server = service_of(web.environment, ""), server_service(web)
    if service or not server:
        return {name: f"${{{{{service or 'web'}.{name}}}}}" for name in names}
    known = {f"{web.prefix}_{part}": f"${{{{{server}.REVERB_{part}}}}}" for part in COMPARED}
    known[f"{web.prefix}_HOST"] = f"${{{{{server}.RAILWAY_PRIVATE_DOMAIN}}}}"
    return {name: known.get(name) or _shown(web, name) for name in names}


def _shown(web: Publisher, name: str) -> str:
    """The web service's value, fit for a line of an env file; of a secret, or what is no such value, where it is."""
    text = text_of(web.environment.values, name)
    kind = name.rpartition("_")[2]
    if kind in _VALUES and _VALUES[kind].fullmatch(text):
        return text
    shown = {"SECRET": fingerprint(web.secret), "KEY": abbreviated(web.key, web.environment)}.get(kind, "")
    return f"<the same as in {web.source}{f', {shown}' if shown else ''}>"


def _addresses(web: Publisher, worker: Publisher) -> Iterator[Finding]:
    ours, theirs = web.target(), worker.target()
    if ours and theirs and ours.http_url != theirs.http_url:
        title = f"the worker publishes to {theirs.http_url}, the web service to {ours.http_url}"
        yield Finding(WARN, title, "compare.worker", codes.WORKER_DIFFERS, "both may be the same server")


def _queue_names(web: Publisher, worker: Publisher) -> Iterator[Finding]:
    for name in QUEUES:
        ours, theirs = (text_of(each.environment.values, name, "default") for each in (web, worker))
        if ours != theirs:
            title = f"{name} differs: the web service puts jobs into another queue than the worker takes them from"
            fix = (f"php artisan queue:work --queue=<{name} of {web.source}>,default",)
            yield Finding(WARN, title, "compare.queue", codes.QUEUE_NOT_CONSUMED, fix=fix)


def compare_server(web: Publisher, server: Publisher) -> list[Finding]:
    """What the server's own variables say beside a publisher's: they must name the same app."""
    findings = [*_apps(web, server), *_ports(web, server)]
    if not findings and not web.missing and not server.missing:
        findings = [Finding(PASS, f"{web.source} and {server.source} name the same app", "compare.server")]
    return findings


def _apps(web: Publisher, server: Publisher) -> Iterator[Finding]:
    several = (codes.UNKNOWN_APP, codes.WRONG_KEY, codes.WRONG_SECRET)
    for (name, ours, theirs), code in zip(_credentials(web, server), several, strict=True):
        if ours and theirs and ours != theirs:
            title = f"{name} is {fingerprint(ours)} in {web.source}, and {fingerprint(theirs)} in {server.source}"
            yield Finding(FAIL, title, "compare.server", code, fix=(f"copy {name} from one to the other",))


def _ports(web: Publisher, server: Publisher) -> Iterator[Finding]:
    values = server.environment.values
    # Without either nothing is known: Railway sets PORT at run time, and `serve --port` needs no variable.
    listens = text_of(values, "REVERB_SERVER_PORT") or text_of(values, "PORT")
    is_direct = clean_host(web.host).endswith(".railway.internal") or is_loopback(clean_host(web.host))
    if is_direct and web.port and listens.isdigit() and web.port != listens:
        title = f"{web.source} publishes to port {web.port} of the private name, and the server listens on {listens}"
        yield Finding(FAIL, title, "compare.port", codes.PORTS_DIFFER, fix=(f"{web.prefix}_PORT={listens}",))


def compare_client(web: Publisher, client: Environment) -> list[Finding]:
    """What a client is built with, beside what is published: it must reach the same server as the same app."""
    built = client_target(client)
    if built is None:
        title = f"{client.source} has no variables of a client (VITE_REVERB_APP_KEY, REVERB_APP_KEY, …)"
        return [Finding(Status.SKIP, title, "compare.client")]
    findings = [*_client_key(web, client, built.key, built.host), *_client_host(web, client, built.host)]
    return findings or [Finding(PASS, f"{client.source} names the app that is published to", "compare.client")]


def _client_key(web: Publisher, client: Environment, key: str, host: str) -> Iterator[Finding]:
    if not key or "$" in key or not web.key or key == web.key:
        return
    same_host = not host or host == clean_host(web.host)
    code = codes.UNKNOWN_KEY if same_host else codes.OTHER_SERVER
    what = "the client was built with another key" if same_host else "the client was built for another server"
    ours, theirs = (abbreviated(each, web.environment, client) for each in (web.key, key))
    title = f"{what} ({theirs}), and events are published to the app with {ours}"
    fix = (f'VITE_REVERB_APP_KEY="${{{web.prefix}_APP_KEY}}"   # then build the client again',)
    yield Finding(FAIL, title, "compare.key", code, f"{client.source} and {web.source}", fix)


def abbreviated(key: str, *environments: Environment) -> str:
    """The ends of a key, which is public; the fingerprint of what may be a secret in the wrong place, or is short."""
    secrets = {
        text_of(each.values, name) for each in environments for name in each.values if not name.endswith("APP_KEY")
    }
    is_key = re.fullmatch(r"[\w-]{12,}", key) and key not in secrets
    return f"{key[:4]}…{key[-4:]}" if is_key else fingerprint(key)


def _client_host(web: Publisher, client: Environment, host: str) -> Iterator[Finding]:
    ours = clean_host(web.host)
    if not host or "$" in host:
        return
    if host.endswith(".railway.internal"):
        title = f"the client connects to {host}, which no browser or phone can resolve"
        fix = ("VITE_REVERB_HOST=<the server's public domain> VITE_REVERB_PORT=443 VITE_REVERB_SCHEME=https",)
        yield Finding(FAIL, title, "compare.client", codes.NAME_UNKNOWN, f"read in {client.source}", fix)
    elif host != ours and ours and not (is_private_name(ours) or is_loopback(ours)):
        title = f"the client connects to {host}, and events are published to {ours}"
        evidence = f"{client.source} and {web.source}; both may be the same server"
        yield Finding(WARN, title, "compare.client", codes.OTHER_SERVER, evidence)
