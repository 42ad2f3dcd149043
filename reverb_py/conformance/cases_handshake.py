"""Connecting: the query, the path, the headers, and who is refused with which code."""

import asyncio
import re
from urllib.parse import quote

from reverb_py.conformance.case import case
from reverb_py.conformance.client import Client, data_of
from reverb_py.conformance.expect import eventually, handshake_refused, vacated
from reverb_py.conformance.target import Target, established
from reverb_py.conformance.verify import Deviation, equal, that

SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+")  # what every server library checks before it authorizes
CONNECTIONS, AT_ONCE = 1_000, 100


async def check_establishment(client: Client, activity_timeout: int | None) -> None:
    """Read the first frame and check all of it; the number of seconds only when it is known."""
    equal(client.answer.status, 101, "the status of the upgrade")
    frame = await client.frame()
    equal(frame.get("event"), "pusher:connection_established", f"the first frame, {frame!r}")
    data = data_of(frame)
    that(SOCKET_ID.fullmatch(data["socket_id"]), f"expected digits, a dot, digits, got {data['socket_id']!r}")
    seconds = data.get("activity_timeout")
    that(type(seconds) is int and seconds > 0, f"expected a positive activity_timeout, got {seconds!r}")
    if activity_timeout is not None:
        equal(seconds, activity_timeout, "activity_timeout")


@case("pp-1")
async def establishment(target: Target) -> None:
    """The first frame is connection_established, its data a string with socket_id and activity_timeout."""
    async with target.open() as client:
        await check_establishment(client, target.apps["MAIN"].activity_timeout)


@case("rb-1", apps=("A",))
async def establishment_with_reverbs_defaults(target: Target) -> None:
    """With Reverb's defaults the activity timeout is 30, and no sub-protocol or extension is named."""
    async with target.open("A", query=None) as client:
        await check_establishment(client, target.apps["A"].activity_timeout)
        that("sec-websocket-extensions" not in client.answer.headers, "expected no extension in the 101")
        that("sec-websocket-protocol" not in client.answer.headers, "expected no sub-protocol in the 101")


@case("pp-2", "rb-5")
async def socket_ids_are_distinct(target: Target) -> None:
    """Every connection has its own socket_id (1 000 connections, 100 at once; the checklist says 10 000)."""
    seen: list[str] = []
    together = asyncio.Barrier(AT_ONCE)

    async def one() -> None:
        async with target.client() as client:
            seen.append(client.socket_id)
            await together.wait()

    for _ in range(CONNECTIONS // AT_ONCE):
        async with asyncio.TaskGroup() as batch:
            for _ in range(AT_ONCE):
                batch.create_task(one())
    equal(len(set(seen)), CONNECTIONS, "the number of different socket ids")


@case("pp-3", "pp-4", "pp-5", "pp-9", "rb-4")
async def queries_of_known_clients(target: Target) -> None:
    """The queries of known clients are accepted: any order, unknown parameters, protocols 4 to 7, none."""
    queries = [
        "flash=false&foo=bar&version=8.6.0&client=js&protocol=7",
        "client=java-client&protocol=5&version=2.4.4",
        "protocol=5&client=pusher-dotnet-client&version=2.3.1",
        "client=pusher-websocket-swift&version=10.1.10&protocol=7",
        "protocol=4",
        "protocol=6",
        "protocol=7&client=js&version=8.4.0&flash=false",
        None,
    ]
    for query in queries:
        async with target.client(query=query) as client:
            await client.nothing()


@case("rb-2", apps=("B", "C"))
async def other_apps_connect(target: Target) -> None:
    """Each app of the server can be connected to by its own key."""
    async with target.client("B"), target.client("C", headers={"Origin": "http://laravel.com"}):
        return


@case("pp-6", "pp-7")
async def unsupported_protocol(target: Target) -> None:
    """A protocol below 4 or above 7 is refused with 4007."""
    for protocol in ("3", "1", "0", "8", "99"):
        await handshake_refused(target, 4007, query=f"protocol={protocol}&client=js&version=1.0")


@case("pp-8")
async def protocol_that_is_no_number(target: Target) -> None:
    """A protocol that is not a number is refused with 4006."""
    await handshake_refused(target, 4006, query="protocol=abc&client=js&version=8.6.0")


@case("pp-10", apps=("STRICT",))
async def strict_protocol(target: Target) -> None:
    """A strict app refuses a handshake without protocol with 4008, and accepts one with it."""
    await handshake_refused(target, 4008, "STRICT", query=None)
    await handshake_refused(target, 4008, "STRICT", query="client=dart&version=1.2.2")
    async with target.client("STRICT"):
        return


@case("pp-11")
async def unknown_key(target: Target) -> None:
    """An unknown key is refused with 4001 and a reason, after the upgrade and without an establishment."""
    await handshake_refused(target, 4001, path="/app/no-such-key")


@case("pp-12", "rb-3")
async def unknown_key_is_told(target: Target) -> None:
    """An unknown key hears of it in pusher:error too, which old clients and Reverb's look for."""
    for query in ("client=java-client&protocol=5&version=2.4.4", "protocol=7&client=js&version=8.6.0", None):
        await handshake_refused(target, 4001, query=query, path="/app/no-such-key", told=True)


@case("pp-13", apps=("DIS",))
async def disabled_app(target: Target) -> None:
    """A disabled app refuses its clients with 4003."""
    await handshake_refused(target, 4003, "DIS")


async def quota_of_one(target: Target, app: str) -> None:
    """One connection is allowed; a second is refused; when the first has gone, a third is accepted."""

    async def free() -> bool:
        try:
            async with target.client(app):
                return True
        except Deviation:
            return False

    await eventually(free, f"the only place in {app} should be free")
    async with target.client(app) as first:
        await first.subscribed(target.name("quota"))
        await handshake_refused(target, 4004, app, told=True)
        await first.nothing()
    await eventually(free, "a connection should be accepted when the first has gone")


@case("pp-14", apps=("Q1",))
async def connection_quota(target: Target) -> None:
    """A connection above the app's quota is refused with 4004; the others live on; a place left is free."""
    await quota_of_one(target, "Q1")


@case("rb-10", "rb-11", apps=("B",))
async def connection_quota_of_b(target: Target) -> None:
    """Reverb's max_connections of 1 refuses a second connection with 4004 and closes it."""
    await quota_of_one(target, "B")


@case("pp-15", apps=("TLS",))
async def tls_only_app(target: Target) -> None:
    """An app for TLS only refuses a plain connection with 4000."""
    if target.url.startswith("wss:"):
        async with target.client("TLS"):
            return
    await handshake_refused(target, 4000, "TLS")


@case("pp-16", "rb-13")
async def unknown_path(target: Target) -> None:
    """An upgrade on a path other than /app/<key> is refused with 4005; a plain request there gets 404."""
    key = target.apps["MAIN"].key
    for path in ("/nope", "/app", f"/app/{key}/", f"/app/{key}/more", "/"):
        await handshake_refused(target, 4005, path=path)
    for path in ("/nope", "/app/x/y"):
        equal((await target.http("GET", path)).status_code, 404, f"the status of GET {path}")


@case("pp-17")
async def subprotocol_is_echoed(target: Target) -> None:
    """The sub-protocol pusher-channels-protocol-7, which Swift offers, is answered with itself."""
    name = "pusher-channels-protocol-7"
    for offered in ((name,), ("foo", name)):
        async with target.open(subprotocols=offered) as client:
            equal(client.answer.headers.get("sec-websocket-protocol"), name, "the sub-protocol of the 101")
            await established(client)


@case("pp-18")
async def unknown_subprotocol(target: Target) -> None:
    """An unknown sub-protocol is not answered, and the connection is accepted."""
    async with target.open(subprotocols=("foo",)) as client:
        that("sec-websocket-protocol" not in client.answer.headers, "expected no sub-protocol in the 101")
        await established(client)


@case("pp-19", "rb-12")
async def no_upgrade(target: Target) -> None:
    """GET /app/<key> without an upgrade gets 426 and a text that explains it, at once."""
    response = await target.http("GET", f"/app/{target.apps['MAIN'].key}")
    equal(response.status_code, 426, "the status")
    that("websocket" in response.text.lower(), f"expected a text about WebSockets, got {response.text!r}")


@case("pp-22")
async def encoded_key(target: Target) -> None:
    """A percent-encoded key is decoded before it is looked up."""
    key = target.apps["MAIN"].key
    everything = "".join(f"%{ord(letter):02x}" for letter in key)
    for path in (f"/app/{everything}", f"/app/%{ord(key[0]):02X}{quote(key[1:])}"):
        async with target.client(path=path):
            continue


@case("pp-23", "rb-53")
async def close_is_echoed(target: Target) -> None:
    """A close frame is echoed with its code and reason, and the subscriptions of that connection are gone."""
    channel = target.name("farewell")
    async with target.client() as client:
        await client.subscribed(channel)
        await client.send_close(1000, "bye")
        equal(await client.closed(), (1000, "bye"), "the server's close frame")
    await vacated(target, channel)


@case("pp-24")
async def reset_without_close(target: Target) -> None:
    """A connection that is reset without a close frame is noticed, and its subscriptions are gone."""
    channel = target.name("reset")
    async with target.client() as client:
        await client.subscribed(channel)
        client.abort()
    await vacated(target, channel)


@case("pp-27", "rb-17")
async def compression_is_declined(target: Target) -> None:
    """An offer of permessage-deflate is declined, and the connection works with and without one."""
    for offer in (None, "permessage-deflate; client_max_window_bits", "permessage-deflate"):
        async with target.open(headers={"Sec-WebSocket-Extensions": offer}) as client:
            answer = client.answer.headers.get("sec-websocket-extensions")
            equal(answer, None, f"the extensions answered to {offer!r}")
            await established(client)
            await client.subscribed(target.name("plain"))
