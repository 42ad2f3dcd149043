"""The exact lines that make an application use a server: pure text, one function for each place."""

import json
import re
from dataclasses import dataclass

from reverb_py.hub.app import App

_PLAIN = re.compile(r"[\w.@+/=-]+")
PLACEHOLDER = "--show-secret prints it"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the server as somebody else has to write it."""

    title: str
    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def variables(self) -> str:
        return f"REVERB_HOST={self.host} REVERB_PORT={self.port} REVERB_SCHEME={self.scheme}"

    @property
    def websocket(self) -> str:
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{bracketed(self.host)}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Subject:
    """An app at an address. Without `show_secret`, `where` says where the secret is."""

    app: App
    endpoint: Endpoint
    show_secret: bool = False
    where: str = PLACEHOLDER

    @property
    def secret_line(self) -> str:
        """A comment without the secret: pasted, an empty value would replace a right one."""
        if self.show_secret:
            return f"REVERB_APP_SECRET={quoted(self.app.credentials[0].secret)}"
        return f"# REVERB_APP_SECRET=…  {self.where}"


def laravel(subject: Subject) -> str:
    """The variables of Laravel's `.env`."""
    app, endpoint = subject.app, subject.endpoint
    return "\n".join(
        [
            "BROADCAST_CONNECTION=reverb",
            f"REVERB_APP_ID={quoted(app.id)}",
            f"REVERB_APP_KEY={quoted(app.key)}",
            subject.secret_line,
            *endpoint.variables.split(),
            *([f"REVERB_SERVER_PATH={endpoint.path}"] if endpoint.path else []),
        ]
    )


def railway(subject: Subject) -> str:
    """Variables of every service that publishes, where the server is a service called `reverb`."""
    own = ("APP_ID", "APP_KEY", "APP_SECRET")
    references = [f"REVERB_{name}=${{{{reverb.REVERB_{name}}}}}" for name in own]
    address = ["REVERB_HOST=${{reverb.RAILWAY_PRIVATE_DOMAIN}}", "REVERB_PORT=8080", "REVERB_SCHEME=http"]
    return "\n".join(["BROADCAST_CONNECTION=reverb", *references, *address])


def vite(subject: Subject) -> str:
    """What a build of a browser's code reads; never the secret."""
    endpoint = subject.endpoint
    values = {
        "APP_KEY": quoted(subject.app.key),
        "HOST": endpoint.host,
        "PORT": str(endpoint.port),
        "SCHEME": endpoint.scheme,
    }
    return "\n".join(f"VITE_REVERB_{name}={value}" for name, value in values.items())


def python(subject: Subject) -> str:
    """PyPI's `pusher`."""
    app, endpoint = subject.app, subject.endpoint
    secret = repr(app.credentials[0].secret) if subject.show_secret else 'os.environ["REVERB_APP_SECRET"]'
    return (
        ("" if subject.show_secret else "import os\n")
        + "import pusher\n\n"
        + f"client = pusher.Pusher({app.id!r}, {app.key!r}, {secret},\n"
        + f"    host={endpoint.host!r}, port={endpoint.port}, ssl={endpoint.scheme == 'https'})"
    )


def javascript(app: App, endpoint: Endpoint) -> str:
    """laravel-echo and pusher-js. Both ports are given, and only WebSockets: there is no fallback."""
    key = json.dumps(app.key)
    options = (
        f"wsHost: {json.dumps(endpoint.host)}, wsPort: {endpoint.port}, wssPort: {endpoint.port}, "
        + (f"wsPath: {json.dumps(endpoint.path)}, " if endpoint.path else "")
        + f'forceTLS: {str(endpoint.scheme == "https").lower()}, enabledTransports: ["ws", "wss"]'
    )
    return (
        f'new Echo({{ broadcaster: "reverb", key: {key}, {options} }})\nnew Pusher({key}, {{ cluster: "", {options} }})'
    )


def flutter(app: App, endpoint: Endpoint) -> str:
    """dart_pusher_channels; its `fromHost` knows no path, so that a prefix takes `custom`."""
    key, host = _dart(app.key), _dart(endpoint.host)
    scheme = "wss" if endpoint.scheme == "https" else "ws"
    if endpoint.path:
        uri = _dart(f"{endpoint.websocket}/app/{app.key}?protocol=7")
        options = f"PusherChannelsOptions.custom(uriResolver: (_) => Uri.parse({uri}))"
    else:
        arguments = f"scheme: '{scheme}', host: {host}, key: {key}, port: {endpoint.port}"
        options = f"PusherChannelsOptions.fromHost({arguments})"
    if endpoint.host in ("127.0.0.1", "::1", "localhost"):
        options += "\n// Android emulator: host '10.0.2.2'; a phone: this machine's address in the network"
    return options


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def quoted(text: str) -> str:
    """As it must stand in an env file."""
    if _PLAIN.fullmatch(text):
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{inner}"'


def _dart(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\$")
    return f"'{inner}'"
