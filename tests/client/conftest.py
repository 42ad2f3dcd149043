"""The clients against a real server."""

from tests.client.serving import server, url

__all__ = ["server", "url"]
