"""A listener: connects, subscribes, hands on what comes, and comes back as the protocol's codes allow."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import typer

from reverb_py.cli.authorizing import Authorize
from reverb_py.cli.exits import ExitCode
from reverb_py.cli.failures import mend, refused_handshake
from reverb_py.cli.remote import stop
from reverb_py.cli.target import Target
from reverb_py.client.api import Unreachable
from reverb_py.client.socket import Closed, Message, Refused, Socket, connect
from reverb_py.codes import Code
from reverb_py.protocol.names import needs_authorization

SUCCEEDED = "pusher_internal:subscription_succeeded"
FAILED = "pusher:subscription_error"
LONGEST_WAIT = 10.0  # seconds before it tries again, at most
GIVE_UP = range(4000, 4100)  # codes after which clients do not come back
AT_ONCE = range(4200, 4300)
UNAUTHORIZED = 4009

Tell = Callable[[str], None]


@dataclass(slots=True)
class Listener:
    """One listener of one server. `tell` is told about every change of state; `code` is why an authorization of
    `authorize` would be refused."""

    target: Target
    channels: Sequence[str]
    authorize: Authorize
    tell: Tell
    code: Code
    verify: bool = True
    pauses: Sequence[float] = (1.0, 2.0, 5.0, LONGEST_WAIT)
    _failures: int = field(default=0, init=False)
    _said: str = field(default="", init=False)
    _was_connected: bool = field(default=False, init=False)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Every message but the protocol's own, over all connections; raises what ends it for good.

        The first connection must succeed: Refused or Unreachable pass through. Later ones are tried again.
        """
        while True:
            try:
                async with aclosing(self._connection()) as messages:
                    async for message in messages:
                        yield message
            except (Closed, Unreachable, Refused) as end:
                await asyncio.sleep(self._pause_after(end))

    def _pause_after(self, end: Closed | Unreachable | Refused) -> float:
        """Seconds until the next try; raise when there is to be none."""
        code = getattr(end, "code", None)
        if isinstance(end, Refused | Closed) and code in GIVE_UP:
            said = end.message if isinstance(end, Refused) else end.reason
            raise refused_handshake(self.target.websocket, Refused(code, said))
        if not self._was_connected:
            raise Unreachable(str(end)) if isinstance(end, Closed) else end
        pause = 0.0 if code in AT_ONCE else self.pauses[min(self._failures, len(self.pauses) - 1)]
        self._failures += 1 if pause else 0
        self.tell(f"lost: {end}; again " + (f"in {pause:g} s" if pause else "at once"))
        return pause

    async def _connection(self) -> AsyncGenerator[Message, None]:
        """The messages of one connection, until it is Closed."""
        async with connect(self.target.websocket, self.target.credentials.key, verify=self.verify) as socket:
            self.tell(f"connected as {socket.socket_id}")
            for channel in self.channels:
                allowed = await self.authorize(socket.socket_id, channel)
                await socket.subscribe(channel, allowed.auth, allowed.channel_data)
            self._was_connected = True
            while True:
                message = await socket.receive()
                if not await self._is_internal(message, socket):
                    yield message

    async def _is_internal(self, message: Message, socket: Socket) -> bool:
        if message.event == SUCCEEDED:
            self._failures = 0
            self.tell(f"subscribed to {message.channel}")
        elif message.event == FAILED:
            raise self._refused(message.channel, message)
        elif message.event == "pusher:error":
            if len(self.channels) == 1 and _status(message) == UNAUTHORIZED:  # Laravel Reverb sends nothing else
                raise self._refused(self.channels[0], message)
            self._said = _reason(message)
            self.tell(f"the server says: {self._said}")
        return message.event.startswith(("pusher:", "pusher_internal:"))

    def _refused(self, channel: str, message: Message) -> typer.Exit:
        """The exit to be raised, with the server's reason where it has not been told yet, and with what to change."""
        reason = _reason(message)
        what = f"not subscribed to {channel}" + ("" if reason == self._said else f": {reason.rstrip('.')}")
        is_unauthorized = needs_authorization(channel) and _status(message) in (UNAUTHORIZED, 401, 403)
        return stop(ExitCode.REFUSED, f"{what}. {mend(self.code)}" if is_unauthorized else what)


def _status(message: Message) -> object:
    """The code of an error, or the HTTP status of a subscription's."""
    content = message.content if isinstance(message.content, dict) else {}
    return content.get("code") or content.get("status")


def _reason(message: Message) -> str:
    content = message.content if isinstance(message.content, dict) else {}
    return str(content.get("error") or content.get("message") or message.data)
