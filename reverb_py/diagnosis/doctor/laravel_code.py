"""Rules about a Laravel project's code and cached configuration, read without running it. Pure: texts in."""

import re
from collections.abc import Iterator, Mapping

from reverb_py import codes
from reverb_py.diagnosis.doctor.environment import Publisher, clean_host, text_of
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.laravel_events import check_events, events, is_broadcast
from reverb_py.diagnosis.doctor.laravel_project import Project
from reverb_py.diagnosis.doctor.php import line_of, without_comments
from reverb_py.diagnosis.fingerprint import fingerprint

FAIL, WARN, PASS, SKIP = Status.FAIL, Status.WARN, Status.PASS, Status.SKIP
CACHE = "bootstrap/cache/config.php"
_DEFAULT = re.compile(r"['\"]default['\"]\s*=>\s*env\(\s*['\"](\w+)['\"]")
_ROUTE = re.compile(r"Broadcast::channel\(\s*['\"]([^'\"]+)['\"]")
_LISTEN = re.compile(r"\.(?:listen|listenToNotification)\(\s*(['\"`])([^'\"`]+)\1")


def check_code(project: Project, publisher: Publisher | None) -> list[Finding]:
    """Return what the rules say of the project; `publisher` is what its environment makes of it."""
    if not any(path.endswith(".php") for path in project.files) and "pubspec.yaml" not in project.files:
        return [Finding(SKIP, "no Laravel project and no Flutter app is there", "laravel")]
    guarded = _ROUTE.findall(without_comments(project.text("routes/channels.php")))
    findings = [
        *_variable(project, publisher),
        *_cache(project, publisher),
        *check_events(project, guarded),
        *_channel_routes(project),
        *_doubled_routes(guarded),
        *_listeners(project),
        *_to_others(project),
        *_flutter(project),
    ]
    if not project.is_whole:
        findings.append(Finding(SKIP, "not every file was read: there are too many, or too large ones", "laravel"))
    if not any(each.code for each in findings):
        findings.append(Finding(PASS, f"{len(project.files)} files of the project contradict nothing", "laravel"))
    return findings


def _variable(project: Project, publisher: Publisher | None) -> Iterator[Finding]:
    found = _DEFAULT.search(without_comments(project.text("config/broadcasting.php")))
    if not found or publisher is None or not publisher.variable:
        return
    name, source = found[1], publisher.source
    title = f"config/broadcasting.php reads {name}, and {source} sets {publisher.variable}, which is ignored"
    if name not in publisher.environment.values:
        yield Finding(FAIL, title, "laravel.variable", codes.WRONG_VARIABLE, fix=(f"{name}=reverb",))
    elif text_of(publisher.environment.values, name) != publisher.connection:
        evidence = f"{name} is set too, to something else"
        yield Finding(FAIL, title, "laravel.variable", codes.WRONG_VARIABLE, evidence, (f"{name}=reverb",))
    else:
        yield Finding(PASS, f"config/broadcasting.php reads {name}, which {source} sets", "laravel.variable")


def _cache(project: Project, publisher: Publisher | None) -> Iterator[Finding]:
    text = project.text(CACHE)
    if not text or publisher is None:
        return
    differences = [*_cached_differences(text, publisher)]
    if differences:
        title = f"Laravel uses {CACHE}, which was made with other values: {', '.join(differences)}"
        fix = ("php artisan optimize:clear   # at the start of every service, before its own command",)
        yield Finding(FAIL, title, "laravel.cache", codes.STALE_CONFIG_CACHE, fix=fix)


def _cached_differences(text: str, publisher: Publisher) -> Iterator[str]:
    """`name (cached …, now …)` for what differs; what is not found in the cache is no difference."""
    block = _block(text, "broadcasting")
    if block is None:
        return
    default = re.search(r"['\"]default['\"]\s*=>\s*(?:'(\w*)'|(NULL))", block)
    if default and publisher.connection and (default[1] or "null") != publisher.connection:
        yield f"the broadcaster is {default[1] or 'null'}"
    connection = _block(_block(block, "connections") or "", publisher.prefix.lower())
    if connection is None:
        return
    now = {
        **{"app_id": publisher.app_id, "key": publisher.key, "secret": publisher.secret},
        **{"host": clean_host(publisher.host), "port": publisher.port, "scheme": publisher.scheme},
    }
    for name, cached in _values(connection, now).items():
        if cached != now[name]:
            hides = name in ("app_id", "key", "secret")
            shown = (fingerprint(cached) if cached else "missing") if hides else cached or "missing"
            yield f"{name} is {shown}"


def _values(block: str, names: Mapping[str, str]) -> dict[str, str]:
    found = {name: re.search(rf"['\"]{name}['\"]\s*=>\s*(?:'((?:\\.|[^'\\])*)'|(\d+)|NULL)", block) for name in names}
    return {name: each[1] or each[2] or "" for name, each in found.items() if each}


def _block(text: str, name: str) -> str | None:
    """The array under that name, as var_export writes it: the first with the least indentation."""
    starts = list(re.finditer(rf"^( *)['\"]{name}['\"] =>\s*\n?\s*(?:array \(|\[)", text, re.MULTILINE))
    if not starts:
        return None
    start = min(starts, key=lambda found: len(found[1]))
    end = re.compile(rf"^{start[1]}[)\]],?", re.MULTILINE).search(text, start.end())
    return text[start.end() : end.start() if end else len(text)]


def _channel_routes(project: Project) -> Iterator[Finding]:
    private = [each for each in events(project) if is_broadcast(each) and re.search(r"new\s+P\w+Channel", each.text)]
    if not private:
        return
    bootstrap = without_comments(project.text("bootstrap/app.php"))
    provider = any("Broadcast::routes" in text for text in project.under("app").values())
    if "routes/channels.php" not in project.files:
        title = "routes/channels.php is missing, so that no private channel can be subscribed to"
        yield Finding(
            FAIL, title, "laravel.routes", codes.SUBSCRIPTION_REFUSED, fix=("php artisan install:broadcasting",)
        )
    elif "withRouting" in bootstrap and not re.search(r"\bchannels\s*:|withBroadcasting\(", bootstrap) and not provider:
        title = "bootstrap/app.php does not load routes/channels.php: subscriptions get 403 or 404"
        fix = (
            "->withRouting(…, channels: __DIR__.'/../routes/channels.php')   # or withBroadcasting() with middleware",
        )
        yield Finding(FAIL, title, "laravel.routes", codes.SUBSCRIPTION_REFUSED, fix=fix)


def _doubled_routes(guarded: list[str]) -> Iterator[Finding]:
    for pattern in guarded:
        prefix = re.match(r"(private|presence)-", pattern)
        if prefix:
            title = f"routes/channels.php authorizes {pattern}, and Laravel compares names without {prefix[0]}"
            fix = (f"Broadcast::channel('{pattern.removeprefix(prefix[0])}', …)",)
            yield Finding(FAIL, title, "laravel.routes", codes.SUBSCRIPTION_REFUSED, fix=fix)


def _listeners(project: Project) -> Iterator[Finding]:
    """Echo puts a namespace before names without a leading dot; one with a dot inside is no class's name."""
    own = {
        name for event in events(project) for name in re.findall(r"['\"](.+?)['\"]", event.method("broadcastAs") or "")
    }
    for path, text in project.under("resources").items():
        for found in _LISTEN.finditer(text):
            name = found[2]
            if not name.startswith((".", "\\")) and (name in own or re.fullmatch(r"[a-z][\w-]*(\.[\w-]+)+", name)):
                waits = "App\\Events\\" + name.replace(".", "\\")
                title = f"Echo's listen('{name}') waits for {waits}: a leading dot is missing"
                place = f"{path}:{line_of(text, found.start())}"
                yield Finding(FAIL, title, "laravel.echo", codes.ECHO_NAMESPACE, place, (f".listen('.{name}', …)",))


def _to_others(project: Project) -> Iterator[Finding]:
    uses = next((path for path, text in project.under("app").items() if "toOthers()" in without_comments(text)), "")
    if uses:
        scripts = "".join(project.under("resources").values())
        is_sent = "X-Socket-I" in scripts or "axios" in scripts  # Echo gives axios the header by itself
        title = "toOthers() leaves out the connection that caused the event: who tests alone sees nothing"
        evidence = uses if is_sent else f"{uses}; nothing in resources sends X-Socket-ID, so that everybody gets it"
        yield Finding(WARN, title, "laravel.others", codes.SENDER_EXCLUDED, evidence)


def _flutter(project: Project) -> Iterator[Finding]:
    found = re.search(r"^\s+pusher_channels_flutter\s*:", project.text("pubspec.yaml"), re.MULTILINE)
    if found:
        title = "pusher_channels_flutter can connect to pusher.com only"
        fix = ("flutter pub remove pusher_channels_flutter", "flutter pub add dart_pusher_channels")
        yield Finding(FAIL, title, "flutter", codes.SDK_WITHOUT_HOST, "pubspec.yaml", fix)
