"""Opening a WebSocket as a client does, and subscribing it to a private channel that is signed here."""

from contextlib import AbstractAsyncContextManager

from reverb_py.client.signing import channel_auth
from reverb_py.client.socket import ANSWERS, Message, Socket, connect
from reverb_py.diagnosis.doctor.signed import credentials_of
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit

OWN = "private-reverb-doctor."  # the beginning of the only channels that the doctor writes to unasked
FAREWELL = 0.1  # seconds for the answer to a closing frame, which the doctor has no use for


def opened(visit: Visit, target: Target, origin: str = "") -> AbstractAsyncContextManager[Socket]:
    """Open a WebSocket to `target`; entering raises Refused or Unreachable."""
    url, timeout = target.websocket_url, visit.inquiry.timeout
    return connect(url, target.key, origin=origin or None, timeout=timeout, verify=visit.verify, close_timeout=FAREWELL)


async def refusal(socket: Socket, target: Target, channel: str, timeout: float) -> str:
    """Subscribe, signed with the target's secret; return why it was refused, "" when it was not.

    Raises TimeoutError and Closed. Laravel Reverb refuses with a pusher:error that names no channel.
    """

    def is_answer(message: Message) -> bool:
        return message.event == "pusher:error" or (message.channel == channel and message.event in ANSWERS)

    await socket.subscribe(channel, channel_auth(credentials_of(target), socket.socket_id, channel))
    answer = await socket.wait_for(is_answer, timeout)
    return "" if answer.event == "pusher_internal:subscription_succeeded" else " ".join(answer.text.split())[:160]
