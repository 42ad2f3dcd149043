"""The server as a process: how it starts, refuses to start, listens behind a prefix, reloads and stops.

These cases start servers of their own, so they can be shown only where the suite knows how to do that.
"""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from reverb_py.conformance.case import NotApplicable, case
from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import eventually, handshake_refused
from reverb_py.conformance.target import Launch, Target, TargetApp
from reverb_py.conformance.verify import equal, that

SOCKETS = 1_100
DESCRIPTORS = 1_500  # SOCKETS, and what else a process needs
GOODBYE = {"REVERB_DRAIN": "1"}  # seconds
RECONNECT_AT_ONCE, OVER_CAPACITY = 4200, 4100


def launcher(target: Target) -> Launch:
    """The target's way to start servers; the runner asks for these cases only where there is one."""
    if target.launch is None:
        raise NotApplicable("needs to start and stop the server itself")
    return target.launch


async def many(stack: AsyncExitStack, target: Target, number: int) -> list[Client]:
    """This many connections, opened one after the other, every second one subscribed."""
    clients = [await stack.enter_async_context(target.client()) for _ in range(number)]
    for client in clients[::2]:
        await client.subscribed(target.name("staying"))
    return clients


@case("pp-25", "rb-175", apps=(), own_process=True, slow=True)
async def shutdown(target: Target) -> None:
    """SIGTERM or SIGINT: every socket is closed with 4200 and a reason; exit code 0; the port is free."""
    for number in (signal.SIGTERM, signal.SIGINT):
        async with launcher(target)(env=GOODBYE) as server, AsyncExitStack() as stack:
            clients = await many(stack, server.target, 10)
            server.send_signal(number)
            for code, reason in await asyncio.gather(*(client.closed() for client in clients)):
                equal((code, bool(reason)), (RECONNECT_AT_ONCE, True), "the close frame")
            equal([client.unread() for client in clients], [[]] * len(clients), "the frames before the close")
            equal(await server.exit_code(), 0, "the exit code")
            that("Gracefully terminating connections." in server.output, f"a last word in {server.output!r}")
            async with launcher(target)(port=server.port):
                continue


@case("pp-25", apps=(), own_process=True, slow=True)
async def draining(target: Target) -> None:
    """While sockets are being closed, newcomers get 4100, /up says 503, and publishes still run."""
    async with launcher(target)(env={"REVERB_DRAIN": "3"}) as server, AsyncExitStack() as stack:
        clients = await many(stack, server.target, 30)
        server.terminate()

        async def unwell() -> bool:
            return (await server.target.http("GET", "/up")).status_code == 503

        await eventually(unwell, "/up should be 503 while the server stops")
        await handshake_refused(server.target, OVER_CAPACITY)
        await server.target.trigger(target.name("late"))
        await asyncio.gather(*(client.closed() for client in clients))
        equal(await server.exit_code(), 0, "the exit code")


@case("pp-26", apps=(), own_process=True)
async def capacity(target: Target) -> None:
    """A server that holds as many connections as it may refuses another with 4100, and the others live on."""
    async with (
        launcher(target)(env={"REVERB_MAX_CONNECTIONS": "2"}) as server,
        server.target.client() as first,
        server.target.client() as second,
    ):
        await handshake_refused(server.target, OVER_CAPACITY)
        await first.nothing()
        await second.nothing()


@case("pp-20", "rb-159", "rb-160", apps=(), own_process=True)
async def path_prefix(target: Target) -> None:
    """Behind a prefix everything works, signed with and without it; /up answers on both paths."""
    async with launcher(target)("--path", "/pre/fix") as server:
        inside = Target(f"{server.target.url}/pre/fix", server.target.apps)
        await behind_prefix(inside)
        await handshake_refused(server.target, 4005)
        for place in (inside, server.target):
            equal((await place.http("GET", "/up")).status_code, 200, f"the status of {place.http_url}/up")
        path = f"/apps/{inside.apps['MAIN'].id}/channels"
        signed_with_prefix = await inside.get("/channels", signed_path=f"/pre/fix{path}")
        equal(signed_with_prefix.status_code, 200, "the status of a request signed over the whole path")
        await inside.aclose()


async def behind_prefix(target: Target) -> None:
    """Connect, subscribe and publish through this target."""
    channel = target.name("prefixed")
    async with target.client() as client:
        await client.subscribed(channel)
        await target.trigger(channel)
        equal((await client.frame())["channel"], channel, "the event")


@case("rb-161", apps=(), own_process=True)
async def spellings_of_the_prefix(target: Target) -> None:
    """A prefix of `ws`, `/ws` and `/ws/` is the same, as an option and as a variable."""
    for spelling in ("ws", "/ws/"):
        async with launcher(target)("--path", spelling) as server:
            inside = Target(f"{server.target.url}/ws", server.target.apps)
            await behind_prefix(inside)
            await inside.aclose()
    async with launcher(target)(env={"REVERB_SERVER_PATH": "ws"}) as server:
        inside = Target(f"{server.target.url}/ws", server.target.apps)
        await behind_prefix(inside)
        await inside.aclose()


@case("rb-176", apps=(), own_process=True)
async def reload(target: Target) -> None:
    """SIGHUP ends nothing: the server goes on, and its connections stay."""
    async with launcher(target)(env=GOODBYE) as server, server.target.client() as client:
        server.send_signal(signal.SIGHUP)
        for _ in range(5):
            await client.nothing(0.1, by="waiting")
        await client.nothing()
        async with server.target.client():
            return


@case("rb-177", apps=(), own_process=True)
async def port_in_use(target: Target) -> None:
    """A port that is taken: a message that names it, exit code 1."""
    async with launcher(target)() as server, launcher(target)(port=server.port, ready=False) as second:
        equal(await second.exit_code(), 1, "the exit code")
        that(str(server.port) in second.output, f"expected the port in {second.output!r}")
        that("Traceback" not in second.output, f"expected a message, not a traceback: {second.output!r}")


@case("rb-178", apps=(), own_process=True)
async def missing_credentials(target: Target) -> None:
    """Without id, key or secret the server refuses to start: exit code 2, and the name of what is missing."""
    main = target.apps.get("MAIN")
    for missing in ("REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET"):
        async with launcher(target)(env={missing: ""}, ready=False) as server:
            equal(await server.exit_code(), 2, f"the exit code without {missing}, after {server.output!r}")
            that(missing in server.output, f"expected {missing} in {server.output!r}")
            that(main is None or main.secret not in server.output, "expected no secret in the output")
            that("Traceback" not in server.output, f"expected a message, not a traceback: {server.output!r}")


@case("rb-179", apps=(), own_process=True, patience=40)
async def many_sockets(target: Target) -> None:
    """1 100 sockets at once are all served."""
    with descriptors(DESCRIPTORS):
        async with launcher(target)(env=GOODBYE) as server, AsyncExitStack() as stack:
            channel = target.name("everybody")
            clients = [await stack.enter_async_context(server.target.client()) for _ in range(SOCKETS)]
            for client in clients:
                await client.subscribed(channel)
            await server.target.trigger(channel)
            for client in clients:
                equal((await client.frame())["channel"], channel, "the event")


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """Allow this process, and its children, so many open files; raise NotApplicable when it may not."""
    import resource  # not on Windows, where the other cases should still run

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise NotApplicable(f"needs {number} open files, and the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case("rb-180", apps=(), own_process=True)
async def log_lines(target: Target) -> None:
    """The log names start, connection and subscription by default; with --debug also what came in."""
    for options, wanted in (((), False), (("--debug",), True)):
        async with launcher(target)(*options, env=GOODBYE) as server:
            channel = target.name("private-customer.100.driver-location")
            async with server.target.client() as client:
                await client.subscribed(channel)
                auth = client.sign(channel)
            server.terminate()
            await server.exit_code()
            lines = (
                f"Starting server on 127.0.0.1:{server.port}...",
                f"New connection: socket_id={client.socket_id}",
                f"Channel subscribed: {channel}",
            )
            for line in lines:
                that(line in server.output, f"expected {line!r} in {server.output!r}")
            shown = "pusher:subscribe" in server.output
            equal(shown, wanted, f"incoming messages in the log with {options!r}")
            for secret in (client.secret, auth.partition(":")[2]):
                that(secret not in server.output, "expected neither secret nor signature in the log")


@case("pp-322", apps=(), own_process=True)
async def two_keys(target: Target) -> None:
    """With two keys active in one app clients connect by either, and hear each other's events."""
    app = {"id": "3", "key": "new-key", "secret": "new secret"}
    apps = [{**app, "more_credentials": [{"key": "old-key", "secret": "old secret"}]}]
    alone = {"REVERB_APPS": json.dumps(apps), "REVERB_APP_ID": "", "REVERB_APP_KEY": "", "REVERB_APP_SECRET": ""}
    async with launcher(target)(env=alone) as server:
        server.target.apps["MAIN"] = TargetApp("3", "new-key", "new secret")
        server.target.apps["OLD"] = TargetApp("3", "old-key", "old secret")
        async with server.target.client("MAIN") as new, server.target.client("OLD") as old:
            for client in (new, old):
                await client.subscribed("private-x")
            for name in ("MAIN", "OLD"):
                await server.target.trigger("private-x", "ev", app=name)
                for client in (new, old):
                    equal((await client.frame())["event"], "ev", f"what is published by {name}")
