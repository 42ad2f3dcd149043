"""An application: who may talk to it, and its limits. Values only; where they come from is settings' affair."""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class ClientEventsFrom(StrEnum):
    """Who may send client events (Reverb's `accept_client_events_from`)."""

    MEMBERS = "members"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and the secret that signs for it. An app may have several, so that they can be rotated."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.key!r}, secret hidden)"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Reverb's limit on every message of a connection: a fixed window that opens with its first message."""

    max_attempts: int = 60
    decay_seconds: float = 60
    terminate: bool = False


@dataclass(frozen=True, slots=True)
class App:
    """One application. Sizes are bytes, times seconds, and a limit of 0 means none, unless the line says otherwise."""

    id: str
    credentials: tuple[Credential, ...]  # newest first; every secret verifies, the first one signs

    enabled: bool = True
    force_tls: bool = False
    strict_protocol: bool = False  # refuse a handshake without `protocol` (4008)
    allowed_origins: tuple[str, ...] = ("*",)  # hosts, `*` is a wildcard
    max_connections: int = 0

    activity_timeout: int = 30  # advertised in connection_established; above 0, or pusher-js never connects
    ping_interval: float = 60
    pong_timeout: float = 30

    max_subscriptions: int = 1_000  # of one connection

    max_message_size: int = 65_536  # one inbound WebSocket message
    rate_limit: RateLimit | None = None
    accept_client_events_from: ClientEventsFrom = ClientEventsFrom.MEMBERS
    max_client_events: int = 100  # a second, for each connection
    max_client_event_size: int = 10_240  # its data

    max_channel_name: int = 200  # characters; hosted: 164
    max_event_name: int = 0  # characters; hosted: 200
    max_event_size: int = 0  # the data of one event; hosted: 10 240
    max_event_channels: int = 0  # hosted: 100
    max_batch_size: int = 0  # events; hosted: 10
    max_presence_members: int = 0  # hosted: 100
    max_presence_user_size: int = 0  # user_id and user_info together; hosted: 1 024
    max_user_id: int = 0  # characters of a presence user_id; hosted: 128
    terminate_members: bool = True  # terminate_connections closes presence members too; hosted: signed-in users only

    cache_ttl: float = 1_800  # of a cache channel's last event

    keys: tuple[str, ...] = field(init=False, repr=False)
    secrets: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(each.key for each in self.credentials))
        object.__setattr__(self, "secrets", tuple(each.secret for each in self.credentials))

    @property
    def key(self) -> str:
        """The key that clients are told to use."""
        return self.credentials[0].key


class Apps:
    """All applications, by id and by key. Immutable: a reload builds a new one."""

    def __init__(self, apps: Iterable[App]) -> None:
        """Raise ValueError when two apps share an id or a key: one of them could never be reached."""
        self._by_id: dict[str, App] = {}
        self._by_key: dict[str, App] = {}
        for app in apps:
            if app.id in self._by_id:
                raise ValueError(f"two apps have the id {app.id!r}")
            self._by_id[app.id] = app
            for key in app.keys:
                if self._by_key.setdefault(key, app) is not app:
                    raise ValueError(f"two apps have the key {key!r}")

    def by_id(self, app_id: str) -> App | None:
        return self._by_id.get(app_id)

    def by_key(self, key: str) -> App | None:
        return self._by_key.get(key)

    def has_secret(self, text: str) -> bool:
        """Return True when it is an app's secret, which somebody took for something else: never show it."""
        fits = [hmac.compare_digest(text.encode(errors="replace"), secret.encode()) for secret in self.secrets]
        return any(fits)

    @property
    def secrets(self) -> list[str]:
        """Every secret of every app."""
        return [secret for app in self for secret in app.secrets]

    def __iter__(self) -> Iterator[App]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
