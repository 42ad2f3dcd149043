"""The HTTP API of any server of the protocol, asked with a signature. It follows no redirect and judges no answer."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from reverb_py import __version__
from reverb_py.client.reach import Unreachable, tls_context, unreachable
from reverb_py.client.signing import Credentials, app_path, sign_request

TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `headers` are found in any case of their names."""

    status: int
    headers: Mapping[str, str]
    text: str
    ms: float

    @property
    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Api:
    """Signed requests of one app. Paths are below `/apps/<id>`: `get("/channels")`. Raises Unreachable."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        timeout: float = TIMEOUT,
        verify: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`url` is where the server is, with its path prefix, if any: `https://ws.example.com/prefix`."""
        self.url = url.rstrip("/")
        self.credentials = credentials
        self._clock = clock
        self._host = urlsplit(url).hostname or url
        # What a server's log and list of publishes call the publisher.
        library = {"X-Pusher-Library": f"reverb-py {__version__}"}
        self._http = httpx.Client(
            headers=library, timeout=timeout, verify=tls_context(verify), trust_env=False, follow_redirects=False
        )

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", path, parameters)

    def post(self, path: str, body: object) -> Answer:
        """Bytes are sent as they are, anything else as JSON."""
        return self.send("POST", path, body=body if isinstance(body, bytes) else encoded(body))

    def send(self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        full = app_path(self.credentials.app_id) + path
        signed = sign_request(self.credentials, method, full, parameters=parameters, body=body, now=self._clock())
        return self.raw(method, f"{full}?{signed.query}", body)

    def raw(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send what stands here, unsigned; `target` is path and query below the server's prefix."""
        kind = {"Content-Type": "application/json"} if body else {}
        began = time.perf_counter()
        try:
            answer = self._http.request(
                method, self.url + target, content=body or None, headers={**kind, **(headers or {})}
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise unreachable(error, self._host) from error
        return Answer(answer.status_code, answer.headers, answer.text, (time.perf_counter() - began) * 1000)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def encoded(value: object) -> bytes:
    """JSON without blanks, with every letter as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


__all__ = ["TIMEOUT", "Answer", "Api", "Credentials", "Unreachable", "encoded"]
