"""What `serve` would have started."""

from collections.abc import Callable, Mapping
from typing import Any

from reverb_py.hub.app import Apps
from reverb_py.settings import Settings


class Served:
    """Stands for the server: what it was started with, and the exit code that it ends with."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.settings: Settings
        self.apps: Apps
        self.read_apps: Callable[[], Apps]
        self.origins: Mapping[str, str]

    def run(
        self,
        settings: Settings,
        apps: Apps,
        *,
        on_listening: Any,
        read_apps: Callable[[], Apps],
        origins: Mapping[str, str],
        begin: Callable[[int], None] | None = None,
    ) -> int:
        self.has_workers = begin is not None
        self.settings, self.apps, self.read_apps, self.origins = settings, apps, read_apps, origins
        on_listening([("127.0.0.1", settings.port)])
        return self.exit_code

    @property
    def secrets(self) -> list[str]:
        return [secret for app in self.apps for secret in app.secrets]
