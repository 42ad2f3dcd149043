"""What is shown once the server listens: where, for whom, and the exact lines to paste into an application.

Pure text. A secret stands in it only when it was generated for development and a person is looking; otherwise
its fingerprint does.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reverb_py import __version__
from reverb_py.diagnosis.fingerprint import fingerprint as fingerprint
from reverb_py.hub.app import App, Apps
from reverb_py.settings import Platform, Settings

SHOWN_APPS = 10
_PLAIN = re.compile(r"[\w.@+/=-]+")


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
class Banner:
    """All that is known when the server listens. `credentials_file` is "" unless they were generated."""

    settings: Settings
    apps: Apps
    addresses: Sequence[tuple[str, int]]
    platform: Platform
    credentials_file: str = ""
    show_secret: bool = False

    def text(self) -> str:
        """The whole, for people."""
        first = next(iter(self.apps))
        endpoints = self.endpoints()
        blocks = [
            f"reverb-py {__version__} listens on {' and '.join(self.urls())}",
            "\n".join(f"  {each}" for each in self.app_lines()),
            *([self._generated()] if self.credentials_file else []),
            *(f"Laravel, .env ({each.title}):\n{_indented(self.laravel(first, each))}" for each in endpoints),
            f"JavaScript:\n{_indented(javascript(first, endpoints[-1]))}",
            f"Flutter (dart_pusher_channels):\n{_indented(flutter(first, endpoints[-1]))}",
        ]
        return "\n" + "\n\n".join(blocks) + "\n\n"

    def lines(self) -> list[str]:
        """The same for a log, one line each, never with a secret."""
        first = next(iter(self.apps))
        endpoints = self.endpoints()
        return [
            f"Listening on {' and '.join(self.urls())}",
            *self.app_lines(),
            *([self._generated()] if self.credentials_file else []),
            *(f"Laravel ({each.title}): {each.variables}" for each in endpoints),
            f"Clients: {endpoints[-1].websocket}/app/{first.key}",
        ]

    def urls(self) -> list[str]:
        scheme, path = self._scheme, self.settings.path
        return [f"{scheme}://{bracketed(host)}:{port}{path}" for host, port in self.addresses]

    def app_lines(self) -> list[str]:
        shown = [_app_line(app) for app in list(self.apps)[:SHOWN_APPS]]
        more = len(self.apps) - len(shown)
        return [*shown, f"and {more} more apps"] if more else shown

    def endpoints(self) -> list[Endpoint]:
        """The addresses to write elsewhere, the most public one last."""
        path, platform = self.settings.path, self.platform
        host, port = self.addresses[0]
        found = []
        if platform.private_domain:
            title = "same Railway project"
            found.append(Endpoint(title, self._scheme, platform.private_domain, port, path))
        elif not platform.managed:
            local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            found.append(Endpoint("on this machine", self._scheme, local, port, path))
        if platform.public_domain:
            found.append(Endpoint("anywhere", "https", platform.public_domain, 443, path))
        elif self.settings.hostname and self.settings.hostname not in (
            host,
            "localhost",
            "127.0.0.1",
            "0.0.0.0",
        ):
            found.append(self._public(port))
        return found or [Endpoint("replace the host", self._scheme, "<host of this server>", port, path)]

    def laravel(self, app: App, endpoint: Endpoint) -> str:
        """The variables of Laravel's `.env`."""
        path = [f"REVERB_SERVER_PATH={endpoint.path}"] if endpoint.path else []
        secret = _quoted(app.credentials[0].secret) if self.show_secret else f"  # {self._where_the_secret_is()}"
        return "\n".join(
            [
                "BROADCAST_CONNECTION=reverb",
                f"REVERB_APP_ID={_quoted(app.id)}",
                f"REVERB_APP_KEY={_quoted(app.key)}",
                f"REVERB_APP_SECRET={secret}",
                f"REVERB_HOST={endpoint.host}",
                f"REVERB_PORT={endpoint.port}",
                f"REVERB_SCHEME={endpoint.scheme}",
                *path,
            ]
        )

    def _where_the_secret_is(self) -> str:
        return f"it is in {self.credentials_file}" if self.credentials_file else "the one that this server has"

    def _generated(self) -> str:
        return f"Credentials for development, generated and kept in {self.credentials_file}: not for production"

    def _public(self, port: int) -> Endpoint:
        settings = self.settings
        public_port = settings.public_port or port
        scheme = settings.public_scheme or ("https" if public_port == 443 else self._scheme)
        return Endpoint("anywhere", scheme, settings.hostname, public_port, settings.path)

    @property
    def _scheme(self) -> str:
        return "https" if self.settings.tls_cert else "http"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


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


def _app_line(app: App) -> str:
    return "   ".join(
        [
            f"app {app.id}",
            f"key {app.key}",
            f"secret {fingerprint(app.credentials[0].secret)}",
            f"origins {', '.join(app.allowed_origins) or 'none'}",
            f"client events: {app.accept_client_events_from}",
            *(["disabled"] if not app.enabled else []),
        ]
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _dart(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\$")
    return f"'{inner}'"


def _quoted(text: str) -> str:
    """As it must stand in an env file."""
    if _PLAIN.fullmatch(text):
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{inner}"'
