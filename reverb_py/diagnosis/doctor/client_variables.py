"""What a client was built with, by the names that web builds, Expo and Dart's --dart-define give it."""

from reverb_py.diagnosis.doctor.environment import clean_host, text_of
from reverb_py.diagnosis.doctor.target import Environment, Target

# The client's own names before those that it shares with the publisher in one file.
PREFIXES = ("VITE_", "MIX_", "NEXT_PUBLIC_", "NUXT_PUBLIC_", "EXPO_PUBLIC_", "REACT_APP_", "")
FAMILIES = ("REVERB", "PUSHER")


def client_target(environment: Environment) -> Target | None:
    """Where the client connects and with which key; None when nothing in it names a key or a host.

    It has no secret and no app id. What is left out is "", and the port the scheme's own.
    """
    key = _first(environment, "APP_KEY", "KEY")
    host = clean_host(_first(environment, "HOST"))
    if not key and not host:
        return None
    scheme = {"ws": "http", "wss": "https"}.get(named := _first(environment, "SCHEME"), named) or "https"
    port = _first(environment, "PORT")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    return Target(scheme, host, int(port) if is_port else 80 if scheme == "http" else 443, "", key, "")


def has_client_variables(environment: Environment) -> bool:
    """Return True when a publisher's own file also holds what a client is built with."""
    return any(name.startswith(PREFIXES[:-1]) and "_APP_KEY" in name for name in environment.values)


def _first(environment: Environment, *parts: str) -> str:
    names = (f"{prefix}{family}_{part}" for prefix in PREFIXES for family in FAMILIES for part in parts)
    return next((text for name in names if (text := text_of(environment.values, name))), "")
