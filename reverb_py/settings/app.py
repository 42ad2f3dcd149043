"""The settings of an app: the fields of `hub.app.App`, as they are written in variables and files."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from reverb_py.hub.app import ClientEventsFrom
from reverb_py.settings.about import About
from reverb_py.settings.values import (
    Count,
    Identifier,
    Origins,
    Positive,
    Secret,
    Size,
    SomeSeconds,
    Switch,
    Word,
)

# pusher-js waits activity_timeout in milliseconds in a signed 32-bit timer; above this it fires at once.
LONGEST_TIMER = 2_147_483

PUSHER_PROFILE: dict[str, object] = {  # hosted Pusher's limits and refusals
    "strict_protocol": True,
    "max_client_events": 10,
    "max_channel_name": 164,
    "max_event_name": 200,
    "max_event_size": 10_240,
    "max_event_channels": 100,
    "max_batch_size": 10,
    "max_presence_members": 100,
    "max_presence_user_size": 1_024,
    "max_user_id": 128,
    "terminate_members": False,
}


class CredentialSettings(BaseModel):
    """A key with the secret that signs for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Annotated[Identifier, About("Key that clients connect with.", ("REVERB_APP_KEY",))]
    secret: Annotated[Secret, About("Secret that signs; never sent to a client.", ("REVERB_APP_SECRET",), secret=True)]


class AppLimits(BaseModel):
    """What every app has a default for; it may be set for all apps or for one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    enabled: Annotated[
        Switch, About("false refuses the app's clients (4003) and publishers (403).", ("REVERB_APP_ENABLED",))
    ] = True
    force_tls: Annotated[
        Switch, About("Refuse clients that certainly come without TLS (4000).", ("REVERB_APP_FORCE_TLS",))
    ] = False
    strict_protocol: Annotated[
        Switch,
        About(
            "Refuse clients without a protocol version (4008), as hosted Pusher; some Dart clients lack it.",
            ("REVERB_APP_STRICT_PROTOCOL",),
        ),
    ] = False
    allowed_origins: Annotated[
        Origins,
        About(
            "Hosts of web pages that may connect; * stands for any characters. Reverb's default.",
            ("REVERB_ALLOWED_ORIGINS", "REVERB_APP_ALLOWED_ORIGINS"),
            "hosts",
            "*",
        ),
    ] = ("*",)
    max_connections: Annotated[
        Count,
        About(
            "Connections of the app (then 4004), 0: no limit. Reverb's default.",
            ("REVERB_APP_MAX_CONNECTIONS",),
            "connections",
        ),
    ] = 0
    activity_timeout: Annotated[
        Positive,
        Field(le=LONGEST_TIMER),
        About(
            "Silence after which clients ping; above 0, or pusher-js never connects. Reverb's default.",
            ("REVERB_APP_ACTIVITY_TIMEOUT",),
            "seconds",
        ),
    ] = 30
    ping_interval: Annotated[
        SomeSeconds,
        About(
            "Silence after which the server pings. Reverb's default.",
            ("REVERB_APP_PING_INTERVAL",),
            "seconds",
        ),
    ] = 60
    pong_timeout: Annotated[
        SomeSeconds,
        About(
            "Silence after that ping that ends a connection (4201). Hosted Pusher's clients wait as long.",
            ("REVERB_APP_PONG_TIMEOUT",),
            "seconds",
        ),
    ] = 30
    max_message_size: Annotated[
        Size,
        About(
            "Largest message of a client, 0: no limit. Reverb's 10 000 refuses what hosted Pusher accepts.",
            ("REVERB_APP_MAX_MESSAGE_SIZE",),
            "bytes",
        ),
    ] = 65_536
    rate_limiting_enabled: Annotated[
        Switch,
        About(
            "Limit every message of a connection, as Reverb can. Reverb's default.",
            ("REVERB_APP_RATE_LIMITING_ENABLED",),
        ),
    ] = False
    rate_limit_max_attempts: Annotated[
        Positive,
        About("Messages in a window. Reverb's default.", ("REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS",), "messages"),
    ] = 60
    rate_limit_decay_seconds: Annotated[
        SomeSeconds,
        About(
            "Length of a window, which opens with the first message. Reverb's default.",
            ("REVERB_APP_RATE_LIMIT_DECAY_SECONDS",),
            "seconds",
        ),
    ] = 60
    rate_limit_terminate: Annotated[
        Switch,
        About("Close a connection above the limit. Reverb's default.", ("REVERB_APP_RATE_LIMIT_TERMINATE",)),
    ] = False
    accept_client_events_from: Annotated[
        ClientEventsFrom,
        Word,
        About(
            "Who may send client events: members of the channel, all, or none. Reverb's default.",
            ("REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM",),
            choices=("members", "all", "none"),
        ),
    ] = ClientEventsFrom.MEMBERS
    max_client_events: Annotated[
        Count,
        About(
            "Client events of one connection (then 4301), 0: no limit. Hosted: 10.",
            ("REVERB_APP_MAX_CLIENT_EVENTS",),
            "events a second",
        ),
    ] = 100
    max_client_event_size: Annotated[
        Size,
        About(
            "Largest data of a client event, 0: no limit. Hosted Pusher's.",
            ("REVERB_APP_MAX_CLIENT_EVENT_SIZE",),
            "bytes",
        ),
    ] = 10_240
    max_subscriptions: Annotated[
        Count,
        About(
            "Channels of one connection, 0: no limit. A choice of ours: each costs memory, and nobody pays for it.",
            ("REVERB_APP_MAX_SUBSCRIPTIONS",),
            "channels",
        ),
    ] = 1_000
    max_channel_name: Annotated[
        Positive,
        About(
            "Longest name of a channel. Hosted: 164; 200 is what its libraries allow.",
            ("REVERB_APP_MAX_CHANNEL_NAME",),
            "characters",
        ),
    ] = 200
    max_event_name: Annotated[
        Count,
        About(
            "Longest name of an event, 0: no limit. Hosted: 200.",
            ("REVERB_APP_MAX_EVENT_NAME",),
            "characters",
        ),
    ] = 0
    max_event_size: Annotated[
        Size,
        About(
            "Largest data of an event, 0: no limit but the request's. Hosted: 10 240.",
            ("REVERB_APP_MAX_EVENT_SIZE",),
            "bytes",
        ),
    ] = 0
    max_event_channels: Annotated[
        Count,
        About("Channels of one event, 0: no limit. Hosted: 100.", ("REVERB_APP_MAX_EVENT_CHANNELS",), "channels"),
    ] = 0
    max_batch_size: Annotated[
        Count,
        About("Events of one batch, 0: no limit. Hosted: 10.", ("REVERB_APP_MAX_BATCH_SIZE",), "events"),
    ] = 0
    max_presence_members: Annotated[
        Count,
        About(
            "Members of a presence channel, 0: no limit. Hosted: 100.",
            ("REVERB_APP_MAX_PRESENCE_MEMBERS",),
            "members",
        ),
    ] = 0
    max_presence_user_size: Annotated[
        Size,
        About(
            "Largest user_id and user_info together, 0: no limit. Hosted: 1 024.",
            ("REVERB_APP_MAX_PRESENCE_USER_SIZE",),
            "bytes",
        ),
    ] = 0
    max_user_id: Annotated[
        Count,
        About(
            "Longest user_id of a member, 0: no limit. Hosted: 128.",
            ("REVERB_APP_MAX_USER_ID",),
            "characters",
        ),
    ] = 0
    terminate_members: Annotated[
        Switch,
        About(
            "terminate_connections also closes who is in a presence channel under the id, as Reverb's. Hosted: false.",
            ("REVERB_APP_TERMINATE_MEMBERS",),
        ),
    ] = True
    cache_ttl: Annotated[
        SomeSeconds,
        About(
            "How long a cache channel keeps its last event. 30 minutes are hosted Pusher's.",
            ("REVERB_APP_CACHE_TTL",),
            "seconds",
        ),
    ] = 1_800


class AppSettings(AppLimits):
    """One whole app."""

    id: Annotated[Identifier, About("Id of the app, part of the publishers' addresses.", ("REVERB_APP_ID",))]
    key: Annotated[Identifier, About("Key that clients connect with.", ("REVERB_APP_KEY",))]
    secret: Annotated[Secret, About("Secret that signs; never sent to a client.", ("REVERB_APP_SECRET",), secret=True)]
    more_credentials: tuple[CredentialSettings, ...] = ()
