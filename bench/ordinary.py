"""The ordinary way: a WebSocket route and a loop over the sockets, as most would write it. `python -m bench.ordinary`.

It speaks as much of the protocol as the floor does: public and private channels, client events, both publishing calls.
"""

import hashlib
import hmac
import json
import sys
from collections import defaultdict
from random import randint
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SECRET = "secret"
channels: dict[str, set[WebSocket]] = defaultdict(set)


def sign(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


async def broadcast(event: str, channel: str, data: Any, but: WebSocket | None = None) -> None:
    if not isinstance(data, str):
        data = json.dumps(data)
    text = json.dumps({"event": event, "channel": channel, "data": data})
    for websocket in list(channels[channel]):
        if websocket is not but:
            try:
                await websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                channels[channel].discard(websocket)


async def conversation(websocket: WebSocket) -> None:
    await websocket.accept()
    socket_id = f"{randint(1, 10**9)}.{randint(1, 10**9)}"
    greeting = {"socket_id": socket_id, "activity_timeout": 30}
    await websocket.send_json({"event": "pusher:connection_established", "data": json.dumps(greeting)})
    joined = set()
    try:
        while True:
            message = await websocket.receive_json()
            if message["event"] == "pusher:subscribe":
                channel = message["data"]["channel"]
                if not may_subscribe(socket_id, **message["data"]):
                    await websocket.send_json({"event": "pusher:error", "data": {"code": 4009}})
                    continue
                channels[channel].add(websocket)
                joined.add(channel)
                succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
                await websocket.send_json(succeeded)
            elif message["event"].startswith("client-") and message["channel"] in joined:
                await broadcast(message["event"], message["channel"], message["data"], but=websocket)
    except WebSocketDisconnect:
        pass
    finally:
        for channel in joined:
            channels[channel].discard(websocket)


def may_subscribe(socket_id: str, channel: str, auth: str = "", channel_data: str | None = None) -> bool:
    if not channel.startswith(("private-", "presence-")):
        return True
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return hmac.compare_digest(auth.partition(":")[2], sign(text))


def is_signed(request: Request, body: bytes) -> bool:
    query = dict(request.query_params)
    signature = query.pop("auth_signature", "")
    pairs = "&".join(f"{name}={query[name]}" for name in sorted(query))
    fits = hmac.compare_digest(signature, sign(f"{request.method}\n{request.url.path}\n{pairs}"))
    return fits and hashlib.md5(body).hexdigest() == query["body_md5"]


async def events(request: Request) -> JSONResponse:
    body = await request.body()
    if not is_signed(request, body):
        return JSONResponse({"error": "signature"}, 401)
    event = json.loads(body)
    for channel in event["channels"]:
        await broadcast(event["name"], channel, event["data"])
    return JSONResponse({})


async def batch_events(request: Request) -> JSONResponse:
    body = await request.body()
    if not is_signed(request, body):
        return JSONResponse({"error": "signature"}, 401)
    for event in json.loads(body)["batch"]:
        await broadcast(event["name"], event["channel"], event["data"])
    return JSONResponse({})


app = Starlette(
    routes=[
        WebSocketRoute("/app/{key}", conversation),
        Route("/apps/{app_id}/events", events, methods=["POST"]),
        Route("/apps/{app_id}/batch_events", batch_events, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    # No access log, and no pings every 20 s, which would fall into some runs and not into others.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_ping_interval=None)
