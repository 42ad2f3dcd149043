"""The client's own values: does it connect where the events are published to?

A client may well use another name of the server than the publisher, so that only an event that arrives is a proof.
"""

from dataclasses import replace
from secrets import token_hex

from reverb_py import codes
from reverb_py.client.api import encoded
from reverb_py.client.reach import Unreachable
from reverb_py.client.socket import Closed, Refused, Socket
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.exchange import NoAnswer
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.opening import OWN, opened, refusal
from reverb_py.diagnosis.doctor.signed import answer_to, signed
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit
from reverb_py.diagnosis.doctor.websocket import REFUSALS

CHECK = "websocket.client"
EVENT = "reverb-doctor-client"
EMULATOR = "10.0.2.2"  # how Android's emulator calls the machine that it runs on, which is this one


async def client_side(visit: Visit, client: Target) -> Finding:
    """Connect with the client's values, and publish with the publisher's."""
    if client.host == EMULATOR:
        client = replace(client, host="127.0.0.1")
    try:
        async with opened(visit, client) as socket:
            return await _receives(visit, client, socket)
    except Refused as refused:
        title, code = REFUSALS.get(refused.code, ("The server refuses the client", None))
        if refused.code == 4001:
            title = f"The client's key is not known by the server that it connects to, {_where(client)}"
        return Finding(Status.FAIL, title, CHECK, code, str(refused))
    except Unreachable as error:
        title = f"The client's own address opens no WebSocket: {_where(client)}"
        return Finding(Status.FAIL, title, CHECK, _elsewhere(visit, client) or error.code, error.reason)
    except (Closed, TimeoutError) as error:
        title = f"The client's own address does not keep a WebSocket: {_where(client)}"
        return Finding(Status.FAIL, title, CHECK, None, str(error) or "no answer in time")


async def _receives(visit: Visit, client: Target, socket: Socket) -> Finding:
    if not visit.accepts:
        return Finding(Status.PASS, f"The client's values open a WebSocket to {_where(client)}", CHECK)
    signing = Target(client.scheme, client.host, client.port, visit.target.app_id, client.key, visit.target.secret)
    channel = OWN + token_hex(6)
    why = await refusal(socket, signing, channel, visit.inquiry.timeout)
    if why:
        code = _elsewhere(visit, client) or codes.OTHER_APP
        title = "The client connects to an app that the publisher's secret does not fit"
        return Finding(Status.FAIL, title, CHECK, code, why)
    body = encoded({"name": EVENT, "channels": [channel], "data": "{}"})
    try:
        await answer_to(visit, signed(visit.target, "/events", body=body))
        await socket.wait_for(lambda message: message.event == EVENT, visit.inquiry.timeout)
    except (TimeoutError, NoAnswer):
        title = f"The client connects to {_where(client)}, where events of {_where(visit.target)} do not arrive"
        return Finding(Status.FAIL, title, CHECK, _elsewhere(visit, client) or codes.NODES_APART)
    return Finding(Status.PASS, f"The client at {_where(client)} receives what is published", CHECK)


def _where(target: Target) -> str:
    return f"{target.host}:{target.port}{target.path}"


def _elsewhere(visit: Visit, client: Target) -> Code | None:
    return codes.OTHER_SERVER if _where(client) != _where(visit.target) else None
