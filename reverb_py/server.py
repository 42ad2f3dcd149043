"""The composition root: settings to values, values to a node, a node to a running server; a minute to read."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from errno import EADDRINUSE, EADDRNOTAVAIL
from functools import partial
from socket import gaierror, socket
from time import time

import uvicorn

from reverb_py import log
from reverb_py.activity_log import ActivityLog
from reverb_py.cluster.last_events import LastEvents
from reverb_py.cluster.redis.shards import Shards
from reverb_py.diagnosis.observer import Observer
from reverb_py.hub import facts
from reverb_py.hub.app import Apps
from reverb_py.hub.liveness import overdue
from reverb_py.node import Node
from reverb_py.protocol.errors import ErrorCode
from reverb_py.protocol.frames import PING
from reverb_py.settings import ConfigError, Settings, check_certificate
from reverb_py.transports.backlog import Backlog
from reverb_py.transports.certificate import exchange
from reverb_py.transports.endpoint import Endpoint
from reverb_py.transports.failures import Failures
from reverb_py.transports.http import HttpApi, create_app
from reverb_py.transports.http_auth import Authenticator
from reverb_py.transports.http_protocol import HttpLimits, HttpProtocol
from reverb_py.transports.proxies import TrustedProxies
from reverb_py.transports.publishing import ShortWay
from reverb_py.transports.sockets import LEAST, bind, raise_descriptor_limit, reserve_of
from reverb_py.transports.turn import Turn
from reverb_py.transports.uvicorn_server import Server
from reverb_py.transports.websocket import WebSocket
from reverb_py.transports.wire_log import WireLog

logger = logging.getLogger("reverb_py")

Addresses = list[tuple[str, int]]
SWEEP = 1.0  # seconds between two looks at who is silent or slow
FEW = 1_024  # open files, the soft limit of most systems: a server with fewer should be told
RAISE = "Raise it: ulimit -n 65536 (systemd: LimitNOFILE=65536, Docker: --ulimit nofile=65536)"


def run(
    settings: Settings,
    apps: Apps,
    *,
    on_listening: Callable[[Addresses], None],
    read_apps: Callable[[], Apps],
    origins: Mapping[str, str] | None = None,
    lifeline: socket | None = None,
) -> int:
    """Serve until a signal; return the exit code: 2 when this machine has not the host or the files, 1 otherwise.

    `on_listening` gets the bound addresses once they accept; `read_apps` reads the configuration again (SIGHUP), and
    raises ConfigError when it cannot be used; `origins` says where host and port were set. A `lifeline` makes it a
    worker: it shares its port, leaves some signals to its parent (`Server`), and stops when the other end is closed.
    """
    descriptors = raise_descriptor_limit()
    if descriptors < LEAST:
        logger.error("The limit of open files is %d: below %d nobody can be served. %s", descriptors, LEAST, RAISE)
        return 2
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            return runner.run(_serve(settings, apps, descriptors, on_listening, read_apps, lifeline))
        except OSError as error:
            return cannot_listen(error, settings, origins)
        except BaseExceptionGroup:
            logger.exception("A part of the server failed, so that the whole stops")
    return 1


def cannot_listen(error: OSError, settings: Settings, origins: Mapping[str, str] | None) -> int:
    """Tell why, and how it is mended; return the exit code."""
    mend, code = _judge(error, {"host": "--host", "port": "--port", **(origins or {})})
    place = f"{settings.host or '*'}:{settings.port}"
    logger.error("Cannot listen on %s: %s. %s", place, error.strerror or error, mend)
    return code


def _judge(error: OSError, origins: Mapping[str, str]) -> tuple[str, int]:
    """How a failure to listen is mended, and its exit code."""
    if error.errno == EADDRINUSE:
        return "Take another one by --port or REVERB_SERVER_PORT", 1
    if error.errno == EADDRNOTAVAIL or isinstance(error, gaierror):
        return f"Correct {origins['host']}: it must be an address or a name of this machine", 2
    return f"Correct {origins['host']} or {origins['port']}", 1


def _capacity(max_connections: int, descriptors: int) -> int:
    """How many WebSockets are taken; warn when that is less than was asked for, or than anybody expects."""
    room = descriptors - 2 * reserve_of(descriptors)
    if max_connections > room or (not max_connections and descriptors < FEW):
        asked = f", not {max_connections} (REVERB_MAX_CONNECTIONS)" if max_connections else ""
        what = "The limit of open files is %d: this server takes %d connections%s. %s"
        logger.warning(what, descriptors, room, asked, RAISE)
    return min(max_connections or room, room)


async def _serve(
    settings: Settings,
    apps: Apps,
    descriptors: int,
    on_listening: Callable[[Addresses], None],
    read_apps: Callable[[], Apps],
    lifeline: socket | None,
) -> int:
    loop = asyncio.get_running_loop()
    activity = ActivityLog(settings.log_rate)
    last_events = LastEvents(settings.cache_size)
    node = Node(apps, clock=loop.time, last_events=last_events, tell=activity, id=secrets.token_hex(4))
    log.hide(lambda text: node.redacted(text))
    node.debug = settings.debug
    node.keeps_payloads = settings.ledger_payloads
    observer = _observe(settings, node)
    end_metrics = _count(settings, node)
    shards = _share(settings, node)
    node.capacity = _capacity(settings.max_connections, descriptors)
    proxies = TrustedProxies(settings.trusted_proxies, real_ip_first=settings.real_ip_first)
    endpoint = Endpoint(node, Turn(loop), settings.path, proxies, settings.max_backlog)
    endpoint.backlog = Backlog(settings.max_total_backlog)
    endpoint.failures = Failures(settings.max_failures, loop.time)
    endpoint.signatures = Failures(settings.max_failures, loop.time)
    room = descriptors - reserve_of(descriptors)
    limits = HttpLimits(settings.max_header_size, settings.request_timeout, room, settings.slow_timeout)

    sockets = bind(settings.host, settings.port, shared=lifeline is not None)
    addresses: Addresses = [sock.getsockname()[:2] for sock in sockets]
    host, port = addresses[0]
    kind = "secure server" if settings.tls_cert else "server"
    logger.info("Starting %s on %s:%d%s...", kind, f"[{host}]" if ":" in host else host, port, settings.path)

    config = _uvicorn_config(settings, node, endpoint, limits, observer)
    server = Server(
        config,
        node,
        drain=settings.drain,
        tls_timeout=settings.request_timeout,
        on_listening=partial(on_listening, addresses),
        reload=partial(_reload, settings, node, config, read_apps),
        is_worker=lifeline is not None,
    )
    if lifeline is not None:
        loop.add_reader(lifeline.fileno(), _stop_alone, loop, lifeline, server)
    ticks = (activity.tick, observer.tick) if shards is None else (activity.tick, observer.tick, shards.tick)
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(_sweep(node, endpoint, ticks, settings.slow_timeout))]
        if shards is not None:
            beside.append(tasks.create_task(shards.run()))
        await server.serve(sockets)
        for task in beside:
            task.cancel()
    if shards is not None:
        await shards.close()
    end_metrics()
    activity.tick()  # the last second's sums
    return server.exit_code


def _stop_alone(loop: asyncio.AbstractEventLoop, lifeline: socket, server: Server) -> None:
    """The parent never writes: that its line can be read means that it is gone."""
    loop.remove_reader(lifeline.fileno())
    logger.error("The parent of this worker is gone, so that it stops")
    server.begin_to_stop()


def _observe(settings: Settings, node: Node) -> Observer:
    """Have an observer told what the node's listener is told, after it."""
    # With other nodes, that nobody publishes here says nothing.
    silent_after = 0 if settings.scaling_enabled else settings.silent_after
    observer = Observer(node, size=settings.ledger_size, silent_after=silent_after, time=time)
    _also_tell(node, observer)
    node.explain = observer.explain
    return observer


def _count(settings: Settings, node: Node) -> Callable[[], None]:
    """Have facts counted for Prometheus, where that is wanted; return what ends it. Raise OSError."""
    if not settings.metrics_port:
        return lambda: None
    from reverb_py.metrics import Metrics, serve  # a library that nobody else needs

    metrics = Metrics(node)
    _also_tell(node, metrics)
    try:
        end = serve(metrics, settings.metrics_host, settings.metrics_port)
    except OSError as error:
        place = f"{settings.metrics_host}:{settings.metrics_port}"
        text = "Cannot listen on %s for metrics: %s. Set REVERB_METRICS_PORT to a port that is free"
        logger.error(text, place, error.strerror or error)
        raise SystemExit(1) from None
    logger.info("Metrics on http://%s:%d/metrics", settings.metrics_host, settings.metrics_port)
    return end


def _also_tell(node: Node, listener: Callable[[facts.Fact], None]) -> None:
    """Have a listener told after those that are told already."""
    first = node.tell

    def tell(fact: facts.Fact) -> None:
        first(fact)
        listener(fact)

    node.tell = tell


def _share(settings: Settings, node: Node) -> Shards | None:
    """Have the node share its events and its seats with others over Redis, where that is wanted."""
    if not settings.scaling_enabled:
        return None
    shards = Shards(
        settings.redis_address,
        settings.scaling_channel,
        is_cluster=settings.scaling_cluster,
        node=node.id,
        lease=settings.scaling_lease,
        buffer=settings.scaling_buffer,
        clock=node.clock,
        deliver=node.deliver,
        tell=node.tell,
        terminate=node.terminate_here,
        connected=lambda: {app.id: node.hub.connected(app.id) for app in node.apps},
    )
    node.backplane = node.occupancy = shards
    return shards


def _uvicorn_config(
    settings: Settings, node: Node, endpoint: Endpoint, limits: HttpLimits, observer: Observer
) -> uvicorn.Config:
    authenticator = Authenticator(node, prefix=settings.path, tolerance=settings.signature_tolerance, clock=time)
    size = settings.max_request_size
    api = HttpApi(
        node,
        authenticator,
        prefix=settings.path,
        max_request_size=size,
        receipts=observer.report,
        failures=Failures(settings.max_failures, node.clock),
        client_of=endpoint.proxies.client_of,
    )
    sizes = {"max_request_size": size, "max_head": limits.max_head}
    short_way = ShortWay(node, authenticator, prefix=settings.path, **sizes)
    return uvicorn.Config(
        create_app(api, node.tell),
        http=partial(HttpProtocol, endpoint=endpoint, limits=limits, short_way=short_way),  # type: ignore[arg-type]  # called, never subclassed
        ws=partial(WireLog if settings.debug else WebSocket, endpoint=endpoint),  # type: ignore[arg-type]
        workers=1,  # else uvicorn reads WEB_CONCURRENCY, and dies of one that is no number
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("X-Powered-By", "reverb-py")],
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type]  # seconds, passed on to call_later
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )


def _reload(settings: Settings, node: Node, config: uvicorn.Config, read_apps: Callable[[], Apps]) -> None:
    """Read apps, secrets and certificates again; keep the old ones when the new ones cannot be used."""
    try:
        apps = read_apps()
        if not len(apps):  # an editor at work: without apps every client would be sent away for good (4001)
            raise ConfigError("no app has credentials now")
        if config.ssl is not None:
            check_certificate(settings)  # says what to correct
            exchange(config, settings.tls_cert, settings.tls_key)
    except (ConfigError, OSError) as error:
        logger.error("Nothing was reloaded, the server goes on as before: %s", error)
        return
    except Exception:  # a fault of ours must not end what runs
        logger.exception("Nothing was reloaded, the server goes on as before")
        return
    node.use(apps)
    what = f"{len(apps)} {'app' if len(apps) == 1 else 'apps'}"
    logger.info("Reloaded %s%s", what, " and the certificate" if config.ssl is not None else "")


async def _sweep(node: Node, endpoint: Endpoint, ticks: Sequence[Callable[[], None]], slow_timeout: float) -> None:
    """Once a second: ping the silent, close the dead and the stuck, sum up the log."""
    while True:
        await asyncio.sleep(SWEEP)
        now = node.clock()
        to_ping, to_close = overdue(node.hub.connections.values(), now)
        for connection in to_ping:
            connection.pinged_at = now
            connection.write(PING)
        for connection in to_close:
            connection.close(ErrorCode.NO_PONG, "Pong reply not received")
        endpoint.close_stuck(now, slow_timeout)
        for tick in ticks:
            tick()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where the platform has it: TLS costs a tenth of the memory with it."""
    try:
        import uvloop
    except ImportError:
        logger.warning("Running without uvloop: it is slower, and TLS connections cost 280 kB each")
        return None
    return uvloop.new_event_loop
