"""Servers that are not reverb-py: each answers a request with what a table says, and remembers it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Reply = tuple[int, dict[str, str], str]


@dataclass
class OtherServer:
    """`replies` are found by the end of a path; what is not found gets 404."""

    replies: Mapping[str, Reply]
    url: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def answering(replies: Mapping[str, Reply]) -> Iterator[OtherServer]:
    other = OtherServer(replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            other.asked.append((self.command, self.path, dict(self.headers.items()), body))
            path = urlsplit(self.path).path
            found = (reply for end, reply in other.replies.items() if path.endswith(end))
            status, headers, text = next(found, (404, {}, "Not found"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        other.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield other
        finally:
            server.shutdown()
