"""What is shown once the server listens: where, for whom, and the exact lines to paste into an application.

Pure text. A secret stands in it only when it was generated for development and a person is looking; otherwise
its fingerprint does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reverb_py import __version__
from reverb_py.cli import paste
from reverb_py.cli.paste import Endpoint, bracketed, flutter, javascript
from reverb_py.diagnosis.fingerprint import fingerprint as fingerprint
from reverb_py.hub.app import App, Apps
from reverb_py.settings import Platform, Settings

SHOWN_APPS = 10


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
            *self.sharing_lines(),
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
            *self.sharing_lines(),
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

    def sharing_lines(self) -> list[str]:
        """What is shared with other processes, and over what; nothing when this one is alone."""
        settings = self.settings
        if not settings.scaling_enabled:
            return []
        workers = f"; {settings.workers} workers" if settings.workers > 1 else ""
        return [f"Shares events over {settings.redis_address.shown} (channel {settings.scaling_channel}{workers})"]

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
        return paste.laravel(paste.Subject(app, endpoint, self.show_secret, self._where_the_secret_is()))

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
