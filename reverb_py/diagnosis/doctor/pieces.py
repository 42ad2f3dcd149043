"""A publish whose bytes arrive one part after the other, as those of a large event do."""

import asyncio
from urllib.parse import urlsplit

from reverb_py import codes
from reverb_py.client.api import encoded
from reverb_py.diagnosis.doctor.exchange import Request
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.signed import signed
from reverb_py.diagnosis.doctor.visit import Visit

CHECK = "loopback.pieces"
PIECES = 5  # the head in more than one, the body too
PAUSE = 0.02  # seconds between two: each is a segment of its own
PADDING = 400  # bytes of data, so that the body has pieces


async def in_pieces(visit: Visit, channel: str) -> Finding:
    """Publish to `channel`, which is the doctor's own, in pieces."""
    data = '"' + "." * PADDING + '"'
    body = encoded({"name": "reverb-doctor-pieces", "channels": [channel], "data": data})
    request = signed(visit.target, "/events", body=body)
    try:
        async with asyncio.timeout(visit.inquiry.timeout):
            status = await _status(visit, request)
    except (OSError, TimeoutError) as error:
        status = str(error) or "no answer"
    if " 200 " in f"{status} ":
        return Finding(Status.PASS, "A publish that arrives in pieces is accepted", CHECK, None, f"{PIECES} pieces")
    title = "A publish that arrives in pieces is refused; whole ones are accepted"
    return Finding(Status.FAIL, title, CHECK, codes.SPLIT_REQUESTS, status)


async def _status(visit: Visit, request: Request) -> str:
    """Return the status line; raise OSError."""
    target = visit.target
    tls = visit.tls if target.scheme == "https" else None
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=tls)
    try:
        whole = _bytes(request)
        step = -(-len(whole) // PIECES)
        for at in range(0, len(whole), step):
            writer.write(whole[at : at + step])
            await writer.drain()
            await asyncio.sleep(PAUSE)
        return (await reader.readline()).decode(errors="replace").strip()
    finally:
        writer.transport.abort()


def _bytes(request: Request) -> bytes:
    url = urlsplit(request.url)
    headers = {
        **request.headers,
        "Host": url.netloc,
        "Content-Length": str(len(request.content)),
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{request.method} {url.path}?{url.query} HTTP/1.1\r\n{lines}\r\n"
    return head.encode() + request.content
