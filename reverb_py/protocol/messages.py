"""Every message that the server sends: one function each, JSON text (UTF-8 bytes) out.

`data` is a JSON string in all of them but `pusher:error`, where it is an object; it is never left out (Android's
client fails without it). Channel names need no escaping, their alphabet has nothing to escape.
"""

from collections.abc import Mapping

import orjson

from reverb_py.protocol.errors import ErrorCode

PONG = b'{"event":"pusher:pong","data":"{}"}'


def connection_established(socket_id: str, activity_timeout: int) -> bytes:
    r"""`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":30}"}`"""
    return rb'{"event":"pusher:connection_established","data":"{\"socket_id\":\"%b\",\"activity_timeout\":%d}"}' % (
        socket_id.encode(),
        activity_timeout,
    )


def error(message: str, code: ErrorCode | None) -> bytes:
    """`{"event":"pusher:error","data":{"code":4009,"message":"…"}}`"""
    return orjson.dumps({"event": "pusher:error", "data": {"code": code, "message": message}})


def subscription_succeeded(channel: str) -> bytes:
    """`{"event":"pusher_internal:subscription_succeeded","channel":"my-channel","data":"{}"}`"""
    return b'{"event":"pusher_internal:subscription_succeeded","channel":"%b","data":"{}"}' % channel.encode()


def presence_succeeded(channel: str, members: Mapping[str, bytes]) -> bytes:
    r"""The same with `"data":"{\"presence\":{\"count\":1,\"ids\":[\"7\"],\"hash\":{\"7\":{…}}}}"`.

    `members` maps user ids to the JSON of their user_info. `hash` is an object, also for ids 0, 1, 2.
    """
    everybody = {user_id: orjson.Fragment(info) for user_id, info in members.items()}
    presence = {"count": len(everybody), "ids": list(everybody), "hash": everybody}
    return event("pusher_internal:subscription_succeeded", channel, orjson.dumps({"presence": presence}).decode())


def subscription_error(channel: str, type: str, message: str, status: int) -> tuple[bytes, bytes]:
    r"""`{"event":"pusher:subscription_error","channel":"x","data":"{\"type\":\"AuthError\",…}"}`, twice.

    pusher-js and Echo hear the first name, .NET only `pusher_internal:subscription_error` (pp 3.5).
    """
    data = orjson.dumps({"type": type, "error": message, "status": status}).decode()
    return (
        event("pusher:subscription_error", channel, data),
        event("pusher_internal:subscription_error", channel, data),
    )


def cache_miss(channel: str) -> bytes:
    """`{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`"""
    return b'{"event":"pusher:cache_miss","channel":"%b","data":"{}"}' % channel.encode()


def member_added(channel: str, user_id: str, user_info: bytes) -> bytes:
    r"""`{"event":"pusher_internal:member_added","channel":"presence-x","data":"{\"user_id\":\"7\",…}"}`"""
    data = orjson.dumps({"user_id": user_id, "user_info": orjson.Fragment(user_info)}).decode()
    return event("pusher_internal:member_added", channel, data)


def member_removed(channel: str, user_id: str) -> bytes:
    r"""`{"event":"pusher_internal:member_removed","channel":"presence-x","data":"{\"user_id\":\"7\"}"}`"""
    return event("pusher_internal:member_removed", channel, orjson.dumps({"user_id": user_id}).decode())


def signin_success(user_data: str) -> bytes:
    r"""`{"event":"pusher:signin_success","data":"{\"user_data\":\"…\"}"}`, with the string that was sent in."""
    return orjson.dumps({"event": "pusher:signin_success", "data": orjson.dumps({"user_data": user_data}).decode()})


def event(name: str, channel: str, data: str) -> bytes:
    r"""`{"event":"ticket.assigned","channel":"private-x","data":"{\"ticket_id\":1}"}`"""
    return orjson.dumps({"event": name, "channel": channel, "data": data})


def member_event(name: str, channel: str, data: str, user_id: str) -> bytes:
    """A client event in a presence channel: the sender's verified `user_id` stands beside the data."""
    return orjson.dumps({"event": name, "channel": channel, "data": data, "user_id": user_id})
