"""The server's own settings: one field each, with all that is said about it. Reads nothing by itself."""

from typing import Annotated, Literal

from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.settings.about import About
from reverb_py.settings.listening import ListeningSettings
from reverb_py.settings.values import (
    Count,
    Host,
    Lease,
    Port,
    Positive,
    Prefix,
    Proxies,
    Seconds,
    Size,
    SomeSeconds,
    Switch,
    Word,
    Workers,
)

LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class Settings(ListeningSettings):
    """Values only, checked. `Settings()` is the defaults; `load` fills it from every source."""

    debug: Annotated[Switch, About("Log every step, as Reverb's --debug.", ("REVERB_DEBUG",))] = False
    log_level: Annotated[
        LogLevel,
        Word,
        About(
            "The least that is logged, in Laravel's words.",
            ("REVERB_LOG_LEVEL", "LOG_LEVEL"),
            choices=LOG_LEVELS,
        ),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "text", "json"],
        Word,
        About(
            "Log for people or machines; auto: text on a terminal, else one-line JSON.",
            ("REVERB_LOG_FORMAT", "LOG_FORMAT"),
            choices=("auto", "text", "json"),
        ),
    ] = "auto"
    log_rate: Annotated[
        Count,
        About(
            "Lines of one kind before they are summed up; 50 can still be read, and cost next to nothing.",
            ("REVERB_LOG_RATE",),
            "lines a second",
        ),
    ] = 50
    max_request_size: Annotated[
        Size,
        About(
            "Largest body of an HTTP request. Reverb's 10 000 refuses batches that hosted Pusher accepts.",
            ("REVERB_MAX_REQUEST_SIZE",),
            "bytes",
        ),
    ] = 1_048_576
    max_header_size: Annotated[
        Positive,
        About(
            "Largest head of an HTTP request. 32 KiB is what Railway's edge lets pass.",
            ("REVERB_MAX_HEADER_SIZE",),
            "bytes",
        ),
    ] = 32_768
    request_timeout: Annotated[
        SomeSeconds,
        About(
            "Time for a whole request to arrive, and before it for a TLS handshake; our choice, Reverb waits for ever.",
            ("REVERB_REQUEST_TIMEOUT",),
            "seconds",
        ),
    ] = 10
    keep_alive: Annotated[
        SomeSeconds,
        About(
            "How long an idle HTTP connection stays open; longer than the 60 of common proxies.",
            ("REVERB_KEEP_ALIVE",),
            "seconds",
        ),
    ] = 75
    signature_tolerance: Annotated[
        Count,
        About(
            "How far a request's timestamp may be off; 0 switches the check off. 600 is hosted Pusher's.",
            ("REVERB_SIGNATURE_TOLERANCE",),
            "seconds",
        ),
    ] = 600
    drain: Annotated[
        Seconds,
        About(
            "Time over which clients are sent away at a stop; less than the 10 that Docker waits.",
            ("REVERB_DRAIN",),
            "seconds",
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS less 2, else 8",
        ),
    ] = 8
    trusted_proxies: Annotated[
        Proxies,
        About(
            "Addresses and networks whose forwarding headers are believed; * is everybody.",
            ("REVERB_TRUSTED_PROXIES",),
            "addresses",
            "none; * on Railway, whose edge cannot be gone around",
        ),
    ] = ()
    max_connections: Annotated[
        Count,
        About(
            "Connections of the whole server, if the limit of open files has room for them; 0: as many as that has.",
            ("REVERB_MAX_CONNECTIONS",),
            "connections",
        ),
    ] = 0
    max_backlog: Annotated[
        Positive,
        About(
            "How far a slow reader may be behind before it is closed (4100): 100 events of hosted's size.",
            ("REVERB_MAX_BACKLOG",),
            "bytes",
        ),
    ] = 1_048_576
    max_total_backlog: Annotated[
        Size,
        About(
            "How far all readers together may be behind before the slowest are dropped, 0: no limit. Our choice.",
            ("REVERB_MAX_TOTAL_BACKLOG",),
            "bytes",
        ),
    ] = 268_435_456
    max_failures: Annotated[
        Count,
        About(
            "Failures of one address, each kind: handshakes, requests (429), signatures (slowed); 0: no limit.",
            ("REVERB_MAX_FAILURES",),
            "failures a minute",
        ),
    ] = 300
    slow_timeout: Annotated[
        SomeSeconds,
        About(
            "How long a reader may be behind without a break, or take no answer over HTTP; a choice of ours.",
            ("REVERB_SLOW_TIMEOUT",),
            "seconds",
        ),
    ] = 10
    cache_size: Annotated[
        Size,
        About(
            "Memory for the last events of cache channels, the oldest leave; a choice of ours.",
            ("REVERB_CACHE_SIZE",),
            "bytes",
        ),
    ] = 67_108_864
    ledger_size: Annotated[
        Count,
        About(
            "Receipts that are kept of accepted and of refused publishes, and of refused subscriptions, each.",
            ("REVERB_LEDGER_SIZE",),
            "receipts",
        ),
    ] = 1_000
    ledger_payloads: Annotated[
        Switch,
        About("Keep the first 10 kB of each event's data in its receipt.", ("REVERB_LEDGER_PAYLOADS",)),
    ] = False
    silent_after: Annotated[
        Seconds,
        About(
            "How long clients listen before it is told that nobody has ever published; 0: never.",
            ("REVERB_SILENT_AFTER",),
            "seconds",
        ),
    ] = 60
    metrics_port: Annotated[
        Port,
        About(
            "Port for Prometheus, 0: none. 9601 is soketi's. Each further worker takes the next one.",
            ("REVERB_METRICS_PORT",),
        ),
    ] = 0
    metrics_host: Annotated[
        Host,
        About("Address to listen on for Prometheus; what is there needs no password.", ("REVERB_METRICS_HOST",)),
    ] = "127.0.0.1"
    profile: Annotated[
        Literal["reverb", "pusher"],
        Word,
        About(
            "pusher: hosted Pusher's limits for what is not set otherwise.",
            ("REVERB_PROFILE",),
            choices=("reverb", "pusher"),
        ),
    ] = "reverb"
    scaling_enabled: Annotated[
        Switch,
        About("Share events, members and counts with other servers over Redis.", ("REVERB_SCALING_ENABLED",)),
    ] = False
    scaling_channel: Annotated[
        Prefix,
        About(
            "Begins the names of all keys and channels in Redis; equal on every server that belongs together.",
            ("REVERB_SCALING_CHANNEL",),
        ),
    ] = "reverb"
    scaling_cluster: Annotated[
        Switch, About("The Redis is a Redis Cluster (7 or newer).", ("REVERB_SCALING_CLUSTER",))
    ] = False
    scaling_lease: Annotated[
        Lease,
        About(
            "After so long without a sign of life of a server its members leave; a choice of ours.",
            ("REVERB_SCALING_LEASE",),
            "seconds",
        ),
    ] = 12
    scaling_buffer: Annotated[
        Positive,
        About(
            "Events that may wait for Redis; when it is full, publishers get 503. A choice of ours.",
            ("REVERB_SCALING_BUFFER",),
            "bytes",
        ),
    ] = 16_777_216
    real_ip_first: bool = False  # `load` says so on Railway
    redis_address: RedisAddress = RedisAddress()  # `load` makes it of REDIS_URL or its parts, when scaling is on
    workers: Annotated[
        Workers,
        About(
            "Processes that serve one port together; more than one need Redis, to share events.",
            ("REVERB_WORKERS",),
            "processes",
            "1; WEB_CONCURRENCY when scaling is on",
        ),
    ] = 1
