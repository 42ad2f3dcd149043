"""What goes over the wire, for `--debug`: `<` in, `>` out, `x` closed. A class of its own, so that nobody else pays.

Signatures are struck out; the rest is what clients send and receive, payloads included.
"""

import logging
import re

from reverb_py.session import Session
from reverb_py.transports.websocket import WebSocket

logger = logging.getLogger(__name__)

SHOWN = 500  # characters of a message

_AUTH = re.compile(r'(\\*"auth\\*"\s*:\s*\\*")[^"\\]*')


class WireLog(WebSocket):
    """A WebSocket that logs its messages at debug level."""

    __slots__ = ()

    def _obey(self, text: str, session: Session) -> None:
        logger.debug("< %s %s", session.connection.socket_id, self._shown(text))
        super()._obey(text, session)

    def write(self, frame: bytes) -> None:
        if frame[:1] == b"\x81" and not self._gone:
            logger.debug("> %s %s", self._name(), self._shown(frame[frame.find(b"{") :].decode()))
        super().write(frame)

    def close(self, code: int, reason: str) -> None:
        if not self._gone:
            logger.debug("x %s %d %s", self._name(), code, reason)
        super().close(code, reason)

    def _name(self) -> str:
        session = self._session
        return session.connection.socket_id if session is not None else "-"

    def _shown(self, text: str) -> str:
        text = self._endpoint.node.redacted(text)  # before it is cut: half a secret would not be known for one
        return _AUTH.sub(r"\1…", text[:SHOWN])  # cut first: the expression is quadratic in backslashes
