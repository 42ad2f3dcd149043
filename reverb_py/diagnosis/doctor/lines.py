"""Lines to paste that set variables: for Railway's command line where a service of it was looked at, else for a file.

What is set refers to another service or file, or is no secret: the caller sees to it.
"""

import re
from collections.abc import Mapping

from reverb_py.diagnosis.doctor.environment import Publisher, clean_host, is_on_railway, text_of
from reverb_py.diagnosis.doctor.target import Environment

WHOLE = ("APP_ID", "APP_KEY", "APP_SECRET", "HOST", "PORT", "SCHEME")  # all that a publisher needs, in its order
_RECIPE = {"HOST": "${{reverb.RAILWAY_PRIVATE_DOMAIN}}", "PORT": "8080", "SCHEME": "http"}
_SERVICE = re.compile(r"[\w-]+")


def service_of(environment: Environment, default: str) -> str:
    """Return the name of its service on Railway; `default` when that is not known, or not fit for a shell."""
    name = environment.values.get("RAILWAY_SERVICE_NAME", "")
    return name if _SERVICE.fullmatch(name) else default


def server_service(publisher: Publisher) -> str:
    """Return the server's service by its private name on Railway, "" when it is published to by another."""
    name, _, domain = clean_host(publisher.host).partition(".")
    return name if domain == "railway.internal" and _SERVICE.fullmatch(name) else ""


def on_railway(values: Mapping[str, str], service: str) -> tuple[str, ...]:
    given = " ".join(f"--set '{name}={text}'" for name, text in values.items())
    return (f"railway variables -s {service} {given}", f"railway redeploy -s {service}   # it starts with them")


def missing(publisher: Publisher) -> tuple[str, ...]:
    """Set at once all that this publisher lacks, with the server's values."""
    found = publisher.environment
    parts = [part for part in WHOLE if not text_of(found.values, f"{publisher.prefix}_{part}")]
    if publisher.host:  # port and scheme have defaults, which may well be meant beside it
        parts = [part for part in parts if part.startswith("APP_")]
    names = {part: f"{publisher.prefix}_{part}" for part in parts}
    connection = {} if publisher.broadcasts else {"BROADCAST_CONNECTION": publisher.prefix.lower()}
    if is_on_railway(found.values):
        server = server_service(publisher) or "reverb"
        recipe = {part: f"${{{{{server}.REVERB_{part}}}}}" for part in WHOLE} | _RECIPE
        service = service_of(found, "<service>")
        return on_railway(connection | {names[part]: recipe[part] for part in parts}, service)
    lines = [f"{name}={text}" for name, text in connection.items()]
    lines += [f"{name}=<the server's>" for name in names.values()]
    lines.append(f"php artisan config:clear && php artisan queue:restart   # with these lines in {found.source}")
    return tuple(lines)
