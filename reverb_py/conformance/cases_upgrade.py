"""The HTTP side of the upgrade: odd, broken and hurried requests."""

from reverb_py.conformance.case import case
from reverb_py.conformance.link import parse_head, upgrade_request
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, that, within
from reverb_py.conformance.wire import client_frame


@case("rb-14")
async def other_websocket_version(target: Target) -> None:
    """Another Sec-WebSocket-Version gets 426 with the one that is spoken, and no frames."""
    url = f"{target.url}/app/{target.apps['MAIN'].key}"
    head = parse_head(await target.raw(upgrade_request(url, {"Sec-WebSocket-Version": "8"})))
    equal(head.status, 426, "the status")
    equal(head.headers.get("sec-websocket-version"), "13", "the version named")
    that(b"connection_established" not in head.body, "expected no frames behind a refusal")


@case("rb-15")
async def broken_websocket_key(target: Target) -> None:
    """A missing or short Sec-WebSocket-Key gets 400, and no frames."""
    url = f"{target.url}/app/{target.apps['MAIN'].key}"
    for key in (None, "c2hvcnQ=", "not base64 at all!!!"):
        head = parse_head(await target.raw(upgrade_request(url, {"Sec-WebSocket-Key": key})))
        equal(head.status, 400, f"the status for the key {key!r}")
        that(b"connection_established" not in head.body, "expected no frames behind a refusal")


@case("rb-16")
async def header_spellings(target: Target) -> None:
    """`Upgrade: WebSocket` with `Connection: keep-alive, Upgrade`, as Firefox sends them, is an upgrade."""
    async with target.client(headers={"Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade"}):
        return


@case("rb-18")
async def endless_headers(target: Target) -> None:
    """A request head above the limit is refused with 431 (or 413), not buffered for ever."""
    url = f"{target.url}/app/{target.apps['MAIN'].key}"
    for size in (40_000, 300_000):
        head = parse_head(await target.raw(upgrade_request(url, {"X-Much": "x" * size})))
        within(head.status, (431, 413), f"the status for a header of {size} bytes")


@case("rb-14", "rb-15")
async def no_upgrade_after_all(target: Target) -> None:
    """Without `Connection: Upgrade`, in HTTP/1.0 or by POST there is no upgrade: a refusal, and no frames."""
    url = f"{target.url}/app/{target.apps['MAIN'].key}"
    requests = [
        upgrade_request(url, {"Connection": None}),
        upgrade_request(url, {"Connection": "keep-alive"}),
        upgrade_request(url, {}, version="HTTP/1.0"),
        upgrade_request(url, {"Content-Length": "0"}).replace(b"GET", b"POST", 1),
    ]
    for request in requests:
        head = parse_head(await target.raw(request, seconds=0.3))
        that(400 <= head.status < 600, f"expected a refusal of {request[:400]!r}, got {head.status}")
        that(b"connection_established" not in head.body, "expected no frames behind a refusal")


@case("rb-19")
async def frame_behind_the_request(target: Target) -> None:
    """A message in the same segment as the upgrade request is answered, after the establishment."""
    async with target.client(behind=client_frame(b'{"event":"pusher:ping","data":{}}')) as client:
        equal((await client.frame())["event"], "pusher:pong", "the answer to the pipelined message")
    # Not before it, whatever it was: pusher-js dies of an error without a code that comes first.
    async with target.client(behind=client_frame(b"{{{")) as client:
        await client.refused()
        await client.nothing()
