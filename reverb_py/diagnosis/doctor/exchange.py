"""One HTTP request, one answer, each over a connection of its own; no redirect is followed, no proxy variable read."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from reverb_py.client.reach import unreachable

READ = 8 * 1024 * 1024  # bytes of an answer: a list of a hundred thousand channels


class NoAnswer(Exception):
    """Nothing that is HTTP came back; the text says what happened instead."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. `url` as it is sent, query included."""

    method: str
    url: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case, the text at most READ bytes of the body."""

    status: int
    headers: Mapping[str, str]
    text: str
    milliseconds: float

    @property
    def is_html(self) -> bool:
        return "text/html" in self.headers.get("content-type", "") or self.text.lstrip()[:9].lower() == "<!doctype"

    @property
    def location(self) -> str:
        """Where a redirect leads, "" when this is none."""
        return self.headers.get("location", "") if 300 <= self.status < 400 else ""

    @property
    def excerpt(self) -> str:
        """The status and the beginning of the text, one line."""
        kind = "HTML " if self.is_html else ""
        words = " ".join(self.text.split())[:160]
        return f"{self.status} {kind}{words!r}" if words else f"{self.status}, empty"


async def ask(request: Request, tls: ssl.SSLContext, timeout: float) -> Answer:
    """Return the answer; raise NoAnswer when none comes within `timeout` seconds."""
    started = perf_counter()
    body = bytearray()
    try:
        async with (
            httpx.AsyncClient(verify=tls, timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                request.method, request.url, content=request.content or None, headers=dict(request.headers)
            ) as response,
        ):
            async for part in response.aiter_bytes():
                body += part
                if len(body) > READ:
                    break
    except httpx.TimeoutException:
        raise NoAnswer(f"no answer within {timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise NoAnswer(unreachable(error, urlsplit(request.url).hostname or "").reason) from None
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = body[:READ].decode(errors="replace")
    return Answer(response.status_code, headers, text, (perf_counter() - started) * 1000)
