"""The HTTP below the API: connections that are kept, bodies in pieces, limits, methods, paths, and odd requests."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from reverb_py.conformance.case import case
from reverb_py.conformance.cases_process import launcher
from reverb_py.conformance.client import Client
from reverb_py.conformance.expect import request_refused
from reverb_py.conformance.link import Answer, dial, parse_head, reachable
from reverb_py.conformance.target import Target, signed_query
from reverb_py.conformance.verify import Deviation, equal, that, within

PATIENCE = 5.0  # seconds for one answer
KEPT = 100  # requests on one connection
MIB = 1_048_576  # bytes
INVALID = "Authentication signature invalid."
H2C = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}


@dataclass(slots=True, eq=False)
class Wire:
    """One HTTP connection, by hand: what is sent in how many pieces decides the case."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Send the pieces one by one, each in segments of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.001)  # else the kernel may join them

    async def answer(self) -> Answer:
        """The next answer, whose body has the length that it says; raise Deviation when none comes."""
        try:
            async with asyncio.timeout(PATIENCE):
                head = parse_head(await self.reader.readuntil(b"\r\n\r\n"))
                body = await self.reader.readexactly(int(head.headers.get("content-length", 0)))
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            raise Deviation(f"expected an answer, got {error!r}") from None
        return Answer(head.status, head.headers, body)

    async def told(self, status: int, text: str) -> None:
        """The next answer, which must have this status and begin with this text."""
        answer = await self.answer()
        equal(answer.status, status, f"the status, with {answer.body!r}")
        that(answer.body.startswith(text.encode()), f"expected a body that begins with {text!r}, got {answer.body!r}")


@asynccontextmanager
async def wire(target: Target) -> AsyncIterator[Wire]:
    with reachable(target.http_url):
        reader, writer = await dial(target.http_url, target.tls_context)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def head_of(
    target: Target,
    body: bytes,
    path: str = "/events",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    line: str = "{method} {target} HTTP/1.1",
    secret: str | None = None,
) -> bytes:
    """The head of a signed request with this body, which it announces unless the headers say how it comes."""
    app = target.apps["MAIN"]
    full = f"/apps/{app.id}{path}"
    query = signed_query(app, method, full, body, {}, {"secret": secret or app.secret})
    parts = urlsplit(target.http_url)
    start = line.format(method=method, target=f"{parts.path}{full}?{query}", host=parts.netloc)
    length = {} if not body or "Transfer-Encoding" in (headers or {}) else {"Content-Length": str(len(body))}
    sent = {"Host": parts.netloc, "Content-Type": "application/json", **length, **(headers or {})}
    lines = [f"{name}: {value}" for name, value in sent.items() if value]
    return "\r\n".join([start, *lines, "", ""]).encode()


def chunks(body: bytes, size: int) -> list[bytes]:
    """The body as chunks of this size, the last one empty."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""]]


CHUNKED = {"Transfer-Encoding": "chunked"}


def publish(channel: str, data: str = "{}") -> bytes:
    return b'{"name":"ev","channels":["%b"],"data":"%b"}' % (channel.encode(), data.encode())


async def arrives(client: Client, data: Iterable[str]) -> None:
    """The next frames must be events with these data."""
    expected = list(data)
    equal([(await client.frame())["data"] for _ in expected], expected, "the data of the events")


@case("pp-213")
async def kept_connection(target: Target) -> None:
    """A hundred publishes on one connection are all answered 200 and delivered, sized, chunked and mixed."""
    channel = target.name("kept")
    numbers = [str(number) for number in range(KEPT)]
    async with target.client() as client, wire(target) as connection:
        await client.subscribed(channel)
        for number in numbers:
            body = publish(channel, number)
            await connection.send(head_of(target, body) + body)
            await connection.told(200, "{}")
        await arrives(client, numbers)
        for size in (1, 7, 1_000):
            body = publish(channel, f"chunks of {size}")
            await connection.send(head_of(target, body, headers=CHUNKED), *chunks(body, size))
            await connection.told(200, "{}")
            await connection.send(head_of(target, body, headers=CHUNKED) + b"".join(chunks(body, size)))
            await connection.told(200, "{}")
            await arrives(client, [f"chunks of {size}"] * 2)
        await connection.send(head_of(target, b"", "/channels", method="GET"))
        await connection.told(200, '{"channels":{')


@case("pp-213")
async def pipelined(target: Target) -> None:
    """Requests that are sent before the last answer came are answered in their order, refusals among them."""
    channel = target.name("pipelined")
    bodies = [publish(channel, str(number)) for number in range(5)]
    requests = [head_of(target, body) + body for body in bodies]
    question = head_of(target, b"", f"/channels/{channel}", method="GET")
    wrong = head_of(target, bodies[0], secret="another secret") + bodies[0]
    async with target.client() as client, wire(target) as connection:
        await client.subscribed(channel)
        await connection.send(b"".join([question, *requests[:3], wrong, question, *requests[3:], question]))
        for status, text in [(200, '{"occ'), *[(200, "{}")] * 3, (401, INVALID), (200, '{"occ'), *[(200, "{}")] * 2]:
            await connection.told(status, text)
        await connection.told(200, '{"occupied":true}')
        await arrives(client, map(str, range(5)))
        await client.nothing()


@case("rb-126")
async def body_in_another_segment(target: Target) -> None:
    """A request is read in whatever pieces it comes: head and body apart, cut in the middle, byte by byte."""
    channel = target.name("pieces")
    body = publish(channel)
    raw = head_of(target, body) + body
    cuts = [
        [raw[: -len(body)], body],
        [raw[:10], raw[10:]],
        [raw[: -len(body) - 2], raw[-len(body) - 2 :]],
        [raw[:-1], raw[-1:]],
        [raw[place : place + 1] for place in range(len(raw))],
    ]
    async with target.client() as client:
        await client.subscribed(channel)
        for pieces in cuts:
            async with wire(target) as connection:
                await connection.send(*pieces)
                await connection.told(200, "{}")
                await arrives(client, ["{}"])


@case("rb-125")
async def large_body_in_many_segments(target: Target) -> None:
    """A body of 150 000 bytes that comes in many segments is read whole, and delivered."""
    channel = target.name("large")
    data = "0123456789" * 15_000
    body = publish(channel, data)
    async with target.client() as client, wire(target) as connection:
        await client.subscribed(channel)
        pieces = [body[start : start + 1_460] for start in range(0, len(body), 1_460)]
        await connection.send(head_of(target, body), *pieces)
        await connection.told(200, "{}")
        await arrives(client, [data])


@case("rb-124")
async def body_of_a_mebibyte(target: Target) -> None:
    """A body above Reverb's limit is accepted, up to 1 MiB; one byte more is a 413 that says so."""
    channel = target.name("large")
    rest = len(publish(channel, ""))
    for size in (10_100, 20_000, MIB):
        response = await target.post("/events", publish(channel, "x" * (size - rest)))
        equal(response.status_code, 200, f"the status of a body of {size} bytes, {response.text!r}")
    response = await target.post("/events", publish(channel, "x" * (MIB + 1 - rest)))
    naming = (str(MIB), str(MIB + 1), "REVERB_MAX_REQUEST_SIZE", "RVB306")
    request_refused(response, 413, "Payload too large.", *naming)


@case("rb-124", apps=(), own_process=True)
async def body_above_a_setting(target: Target) -> None:
    """The limit of a body is a setting: exactly that size passes, sized or chunked, and one byte more does not."""
    async with launcher(target)(env={"REVERB_MAX_REQUEST_SIZE": "20000"}) as server:
        own = server.target
        fits = publish("x", "x" * (20_000 - len(publish("x", ""))))
        more = fits + b" "
        async with wire(own) as connection:
            await connection.send(head_of(own, fits) + fits)
            await connection.told(200, "{}")
            await connection.send(head_of(own, fits, headers=CHUNKED), *chunks(fits, 3_000))
            await connection.told(200, "{}")
        for pieces in ([head_of(own, more) + more], [head_of(own, more, headers=CHUNKED), *chunks(more, 3_000)]):
            async with wire(own) as connection:
                await connection.send(*pieces)
                answer = await connection.answer()
                equal(answer.status, 413, "the status of one byte more")
                for word in (b"Payload too large.", b"20001", b"20000", b"REVERB_MAX_REQUEST_SIZE"):
                    that(word in answer.body, f"expected {word!r} in {answer.body!r}")


@case("pp-250", "rb-127")
async def decided_by_the_head(target: Target) -> None:
    """The signature is judged when the head is there: nobody waits for the body of a request that is refused."""
    body = publish(target.name("unread"), "x" * MIB)
    small = publish(target.name("unread"))
    refusals = (
        (head_of(target, small, secret="another secret"), 401, INVALID),
        (head_of(target, body, secret="another secret"), 401, INVALID),
        (head_of(target, small, secret="another secret", headers=CHUNKED), 401, INVALID),
        (head_of(target, body), 413, "Payload too large."),
    )
    for head, status, text in refusals:
        async with wire(target) as connection:
            await connection.send(head)
            await connection.told(status, text)
    async with wire(target) as connection:  # what follows is dropped, and the connection can go on
        await connection.send(head_of(target, body), body)
        await connection.told(413, "Payload too large.")
        await connection.send(head_of(target, small) + small)
        await connection.told(200, "{}")


@case("rb-132", "rb-133")
async def upgrades_that_are_none(target: Target) -> None:
    """A publish with `Connection: Upgrade` (nginx) or `Upgrade: h2c` (Java) is answered in HTTP/1.1, body and all."""
    channel = target.name("upgrade")
    body = publish(channel)
    async with target.client() as client:
        await client.subscribed(channel)
        for headers in ({"Connection": "Upgrade"}, {"Connection": "upgrade", "Upgrade": "h2c"}, H2C):
            head = head_of(target, body, headers=headers)
            chunked = head_of(target, body, headers={**headers, **CHUNKED})
            for pieces in ([head + body], [head, body], [head + body[:5], body[5:]], [chunked, *chunks(body, 20)]):
                async with wire(target) as connection:
                    await connection.send(*pieces)
                    await connection.told(200, "{}")
                    await connection.send(head_of(target, body) + body)
                    await connection.told(200, "{}")
                    await arrives(client, ["{}", "{}"])
        await client.nothing()


@case("rb-152")
async def health(target: Target) -> None:
    """/up is answered to everybody with {"health":"OK"}, by GET and HEAD; other methods get 405 with Allow."""
    for path in ("/up", "/up?detail", "/up?x=1"):
        response = await target.http("GET", path)
        equal((response.status_code, response.json().get("health")), (200, "OK"), f"the answer to {path}")
    response = await target.http("GET", "/up")
    equal((response.content, response.headers["content-length"]), (b'{"health":"OK"}', "15"), "the body")
    response = await target.http("HEAD", "/up")
    equal((response.status_code, response.content), (200, b""), "the answer to HEAD")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response = await target.http(method, "/up")
        request_refused(response, 405, "Method not allowed.")
        that("GET" in response.headers.get("allow", ""), f"expected GET in Allow, got {response.headers!r}")


@case("pp-210", "rb-153")
async def wrong_methods(target: Target) -> None:
    """A wrong method is refused with 405 and Allow; a GET on /events is told that something redirected a publish."""
    for path, wrong, allowed in (
        ("/events", ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"), "POST"),
        ("/batch_events", ("GET", "PUT"), "POST"),
        ("/channels", ("DELETE", "POST", "OPTIONS"), "GET"),
        ("/channels/x", ("DELETE", "POST"), "GET"),
        ("/channels/presence-x/users", ("POST",), "GET"),
        ("/connections", ("POST",), "GET"),
        ("/users/1/terminate_connections", ("GET", "DELETE"), "POST"),
    ):
        for method in wrong:
            response = await target.request(method, path)
            equal(response.status_code, 405, f"the status of {method} {path}")
            that(allowed in response.headers.get("allow", ""), f"expected {allowed} in Allow, got {response.headers!r}")
            if method != "HEAD":
                request_refused(response, 405, "Method not allowed.")
    for path in ("/events", "/batch_events"):
        request_refused(await target.get(path), 405, "Method not allowed.", "RVB204", "REVERB_SCHEME=https")


@case("rb-153")
async def unknown_paths(target: Target) -> None:
    """A path that is no endpoint is refused with 404, a trailing slash included."""
    app = target.apps["MAIN"]
    start = f"/apps/{app.id}"
    below = ("", "/", "/nothing", "/events/", "/channels/", "/channels/a/b", "/channels/a%2Fb/users", "/users/1")
    for path in ("/", "/nope", "/app", "/apps", "/up/", *(start + each for each in below)):
        request_refused(await target.http("GET", path), 404, "Not found.")
    request_refused(await target.post("/channels/users/x/terminate_connections", b"{}"), 404, "Not found.")


@case("pp-260", "rb-160", apps=(), own_process=True)
async def prefix(target: Target) -> None:
    """Behind a prefix a request may be signed without it or with it, and outside of it there is no API."""
    async with launcher(target)("--path", "/pre") as server:
        inside = Target(f"{server.target.url}/pre", server.target.apps)
        path = f"/apps/{inside.apps['MAIN'].id}/events"
        channel = target.name("prefixed")
        async with inside.client() as client:
            await client.subscribed(channel)
            for signed in (path, f"/pre{path}"):
                response = await inside.post("/events", publish(channel), signed_path=signed)
                equal((response.status_code, response.content), (200, b"{}"), f"the answer when {signed} is signed")
                await arrives(client, ["{}"])
            for signed in (f"/other{path}", f"/pre/pre{path}", f"/pre{path}/", path[1:]):
                request_refused(await inside.post("/events", publish(channel), signed_path=signed), 401, INVALID)
            request_refused(await server.target.post("/events", publish(channel)), 404, "Not found.")
            await client.nothing()
        await inside.aclose()


@case("rb-124", "rb-132")
async def odd_requests(target: Target) -> None:
    """HTTP/1.0, a missing or strange Host, an absolute address and a strange Content-Type do not matter."""
    body = publish(target.name("odd"))
    absolute = "{method} http://{host}{target} HTTP/1.1"
    hosts = ("[", "a?b", "a#b", "é", "x" * 300, "user@host:99999", "localhost, localhost")
    requests = [
        head_of(target, body, line="{method} {target} HTTP/1.0"),
        head_of(target, body, line="{method} {target} HTTP/1.0", headers={"Host": ""}),
        head_of(target, body, line=absolute),
        head_of(target, body, headers={"Content-Type": ""}),
        head_of(target, body, headers={"Content-Type": "text/plain; charset=utf-16"}),
        head_of(target, body, headers={"content-type": "x", "CONTENT-LENGTH": str(len(body)), "Content-Length": ""}),
        head_of(target, body, headers={"X-Pusher-Library": "é" * 100}),
        *(head_of(target, body, headers={"Host": host}) for host in hosts),
    ]
    for head in requests:
        async with wire(target) as connection:
            await connection.send(head + body)
            await connection.told(200, "{}")
    for host in hosts:
        async with wire(target) as connection:
            await connection.send(head_of(target, body, headers={"Host": host}, secret="another secret") + body)
            await connection.told(401, INVALID)


@case("rb-126")
async def continue_is_answered(target: Target) -> None:
    """`Expect: 100-continue` is answered when the signature fits; when it does not, by the refusal alone."""
    body = publish(target.name("expect"))
    expect = {"Expect": "100-continue"}
    async with wire(target) as connection:
        await connection.send(head_of(target, body, headers=expect))
        equal((await connection.answer()).status, 100, "the status before the body")
        await connection.send(body)
        await connection.told(200, "{}")
    async with wire(target) as connection:
        await connection.send(head_of(target, body, headers=expect, secret="another secret"))
        await connection.told(401, INVALID)


@case("rb-124", "rb-153")
async def broken_requests(target: Target) -> None:
    """What is no HTTP, or says two lengths of one body, is refused with 400 (or 405), and harms nobody else."""
    body = publish(target.name("broken"))
    lines = (b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"GET / HTTP/9.9\r\n\r\n")
    both = head_of(target, body, headers={**CHUNKED, "Content-Length": str(len(body))}) + b"".join(chunks(body, 9))
    lengths = [head_of(target, body, headers={"Content-Length": value}) + body for value in ("abc", "-1", "1e3")]
    for raw in (*lines, both, *lengths, b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        answer = parse_head(await target.raw(raw, seconds=0.5))
        within(answer.status, (400, 405), f"the status of {raw[:200]!r}")
    equal((await target.http("GET", "/up")).status_code, 200, "the status of /up afterwards")
