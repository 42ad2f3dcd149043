"""What has killed, frozen or fooled Reverb, soketi or sockudo, as the bytes of one client.

`MESSAGES` are sent over an open WebSocket, `REQUESTS` over a new connection, `PUBLISHES` as signed bodies.
"""

import json
from collections.abc import Callable

from reverb_py.conformance.link import upgrade_request
from reverb_py.conformance.target import TargetApp, signed_query
from reverb_py.conformance.wire import Opcode, client_frame, close_payload

DEEP = 20_000  # levels
NUMBERS = b"[" + b"9" * 60_000 + b"]"


def text(payload: str | bytes) -> bytes:
    return client_frame(payload.encode() if isinstance(payload, str) else payload)


def said(event: object, data: object = None, **more: object) -> bytes:
    """A message of the protocol, or nearly."""
    return text(json.dumps({"event": event, "data": data, **more}))


def subscribing(**data: object) -> bytes:
    return said("pusher:subscribe", data)


MESSAGES: dict[str, bytes] = {
    "event is a number": said(7),
    "event is a list": said(["pusher:subscribe"]),
    "event is an object": said({"event": "pusher:ping"}),
    "event is null": said(None),
    "event is missing": text('{"data":{}}'),
    "the message is a list": text("[]"),
    "the message is a number": text("1"),
    "the message is null": text("null"),
    "the message is empty": text(""),
    "the message is blank": text("   \n"),
    "JSON is cut": text('{"event":"pusher:subscribe","data":{"chan'),
    "JSON has NaN": text('{"event":"pusher:ping","data":NaN}'),
    "JSON has a lone surrogate": text('{"event":"client-\\ud800","data":{},"channel":"private-\\udfff"}'),
    "JSON has a key twice": text('{"event":"pusher:ping","event":7,"data":{}}'),
    "lists are deep": text('{"event":"pusher:ping","data":' + "[" * DEEP + "]" * DEEP + "}"),
    "objects are deep": text('{"a":' * 9_000 + "1" + "}" * 9_000),
    "lists are deep and open": text("[" * 65_000),
    "a number is long": text(b'{"event":"pusher:ping","data":' + NUMBERS + b"}"),
    "the float is out of range": text('{"event":"pusher:subscribe","data":{"channel":1e99999}}'),
    "JSON in the data is deep": said("pusher:subscribe", "[" * 50_000),
    "data of a subscription is null": said("pusher:subscribe", None),
    "data of a subscription is a list": said("pusher:subscribe", ["news"]),
    "channel is a number": subscribing(channel=7),
    "channel is a list": subscribing(channel=["news"]),
    "channel is an object": subscribing(channel={"name": "news"}),
    "channel is empty": subscribing(channel=""),
    "channel is null": subscribing(channel=None),
    "channel is long": subscribing(channel="a" * 60_000),
    "channel would forge a sign-in": subscribing(channel=":user:{}", auth="a:b"),
    "channel goes up the tree": subscribing(channel="../../etc/passwd"),
    "auth is missing": subscribing(channel="private-x"),
    "auth is null": subscribing(channel="private-x", auth=None),
    "auth is a number": subscribing(channel="private-x", auth=7),
    "auth is a list": subscribing(channel="private-x", auth=["a:b"]),
    "auth has no colon": subscribing(channel="private-x", auth="ab"),
    "auth is not ASCII": subscribing(channel="private-x", auth="ключ:ü"),
    "auth is long": subscribing(channel="private-x", auth="a:" + "b" * 60_000),
    "channel_data is a number": subscribing(channel="presence-x", auth="a:b", channel_data=7),
    "channel_data is an object": subscribing(channel="presence-x", auth="a:b", channel_data={"user_id": 1}),
    "channel_data claims a user of a public channel": subscribing(channel="x", channel_data='{"user_id":"1"}'),
    "unsubscribing from a number": said("pusher:unsubscribe", {"channel": 7}),
    "unsubscribing from nothing": said("pusher:unsubscribe", None),
    "unsubscribing from a list": said("pusher:unsubscribe", ["x"]),
    "a client says it is established": said("pusher:connection_established"),
    "a client says it has subscribed": said("pusher_internal:subscription_succeeded", {}, channel="steady"),
    "a client event has nested channels": said("client-x", {}, channel=[["private-x"]], channels=[["a"]]),
    "a client event has no channel": said("client-x", {}),
    "a client event has no data": text('{"event":"client-x","channel":"private-x"}'),
    "a client event for whom it does not know": said("client-x", {}, channel="steady"),
    "a sign-in of null": said("pusher:signin", None),
    "a sign-in with numbers": said("pusher:signin", {"auth": 1, "user_data": 2}),
    "a sign-in with deep data": said("pusher:signin", {"auth": "a:b", "user_data": "[" * 50_000}),
    "a pong with deep data": text('{"event":"pusher:pong","data":' + "[" * 900 + "]" * 900 + "}"),
    "binary that is no text": client_frame(bytes(range(256)) * 100, Opcode.BINARY),
    "text that is no UTF-8": text(b"\xff\xfe\xc0\x80"),
    "a character is cut": text(b'{"event":"\xe2\x82'),
    "a frame is unmasked": client_frame(b'{"event":"pusher:ping"}', masked=False),
    "a frame is too large": client_frame(b"x" * 70_000),
    "a length is a lie of 2^62": client_frame(b"x", declared=1 << 62),
    "a length is a lie of 2^64-1": client_frame(b"x", declared=(1 << 64) - 1),
    "reserved bits": client_frame(b"x", rsv=7),
    "a reserved opcode": client_frame(b"x", 3),
    "a reserved control opcode": client_frame(b"x", 11),
    "a ping is too long": client_frame(b"x" * 126, Opcode.PING),
    "a ping is in fragments": client_frame(b"x", Opcode.PING, fin=False),
    "a continuation of nothing": client_frame(b"x", Opcode.CONTINUATION),
    "fragments without end": b"".join(
        [client_frame(b"x", fin=False), *[client_frame(b"y" * 1_000, Opcode.CONTINUATION, fin=False)] * 80]
    ),
    "empty fragments without end": client_frame(b"", fin=False)
    + client_frame(b"", Opcode.CONTINUATION, fin=False) * 5_000,
    "a close of one byte": client_frame(b"\x03", Opcode.CLOSE),
    "a close with a code that none may send": client_frame(close_payload(1005), Opcode.CLOSE),
    "a close whose reason is no UTF-8": client_frame(close_payload(1000) + b"\xff", Opcode.CLOSE),
    "two closes": client_frame(close_payload(1000), Opcode.CLOSE) * 2,
    "HTTP behind the upgrade": b"GET /up HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(50_000),
}


def request(line: str, *lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: localhost", *lines, "", ""]).encode("latin-1") + body


def signed(app: TargetApp, method: str, path: str, body: bytes = b"") -> str:
    """The target of a signed request."""
    full = f"/apps/{app.id}{path}"
    return f"{full}?{signed_query(app, method, full, body, {}, {})}"


def posted(app: TargetApp, body: bytes, *lines: str, sent: bytes | None = None) -> bytes:
    """A signed publish of this body, of which `sent` really comes."""
    target = signed(app, "POST", "/events", body)
    return request(f"POST {target} HTTP/1.1", *lines, body=body if sent is None else sent)


GOOD = b'{"name":"ev","channel":"nobody","data":"{}"}'
POST = "POST /apps/77/events HTTP/1.1"

REQUESTS: dict[str, Callable[[TargetApp], bytes]] = {
    "a post without a body": lambda app: posted(app, b"", "Content-Length: 0"),
    "a post without a length": lambda app: posted(app, GOOD, sent=b""),
    "a body shorter than its length": lambda app: posted(app, GOOD, "Content-Length: 4000"),
    "a body longer than its length": lambda app: posted(app, GOOD, "Content-Length: 4"),
    "two lengths": lambda app: posted(app, GOOD, "Content-Length: 44", "Content-Length: 4"),
    "a length below zero": lambda app: posted(app, GOOD, "Content-Length: -1"),
    "a length of 2^70": lambda app: posted(app, GOOD, f"Content-Length: {1 << 70}"),
    "length and chunks": lambda app: posted(app, GOOD, "Content-Length: 4", "Transfer-Encoding: chunked"),
    "chunks that lie": lambda app: posted(app, GOOD, "Transfer-Encoding: chunked", sent=b"ffffffffffffffffff\r\nx"),
    "chunks without end": lambda app: posted(app, GOOD, "Transfer-Encoding: chunked", sent=b"1\r\nx\r\n" * 9_000),
    "a good body in chunks": lambda app: posted(
        app, GOOD, "Transfer-Encoding: chunked", sent=b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)
    ),
    "Expect: 100-continue and nothing more": lambda app: posted(
        app, GOOD, f"Content-Length: {len(GOOD)}", "Expect: 100-continue", sent=b""
    ),
    "Expect: something": lambda app: posted(app, GOOD, f"Content-Length: {len(GOOD)}", "Expect: 200-maybe"),
    "Upgrade: h2c": lambda app: posted(
        app, GOOD, f"Content-Length: {len(GOOD)}", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"
    ),
    "an unknown app": lambda app: request("POST /apps/nobody/events HTTP/1.1", "Content-Length: 2", body=b"{}"),
    "an app named null": lambda app: request("GET /apps/null/channels HTTP/1.1"),
    "no signature": lambda app: request(POST, "Content-Length: 2", body=b"{}"),
    "a signature that is no ASCII": lambda app: request(
        "GET /apps/77/channels?auth_key=%FF&auth_signature=%E2%82&auth_timestamp=x&auth_version=1.0 HTTP/1.1"
    ),
    "a timestamp of 5,000 digits": lambda app: request(
        f"GET /apps/77/channels?auth_key=a&auth_signature=b&auth_timestamp={'9' * 5_000}&auth_version=1.0 HTTP/1.1"
    ),
    "an unknown key": lambda app: upgrade_request("ws://localhost/app/nobody", {}),
    "an empty key": lambda app: upgrade_request("ws://localhost/app/", {}),
    "an upgrade by POST": lambda app: upgrade_request(f"ws://localhost/app/{app.key}", {}).replace(b"GET", b"POST"),
    "an upgrade without a key": lambda app: upgrade_request(
        f"ws://localhost/app/{app.key}", {"Sec-WebSocket-Key": None}
    ),
    "an upgrade of version 99": lambda app: upgrade_request(
        f"ws://localhost/app/{app.key}", {"Sec-WebSocket-Version": "99"}
    ),
    "an upgrade in HTTP/1.0": lambda app: upgrade_request(f"ws://localhost/app/{app.key}", {}, "HTTP/1.0"),
    "garbage": lambda app: bytes(range(256)) * 40,
    "a TLS hello": lambda app: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
    "a Redis command": lambda app: b"*1\r\n$7\r\nFLUSHDB\r\n",
    "HTTP/2 by force": lambda app: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50),
    "a null byte in the path": lambda app: request("GET /up\x00 HTTP/1.1"),
    "a path of 60 kB": lambda app: request(f"GET /{'a' * 60_000} HTTP/1.1"),
    "ten thousand headers": lambda app: request("GET /up HTTP/1.1", *["X-A: b"] * 10_000),
    "a header without a colon": lambda app: request("GET /up HTTP/1.1", "nonsense"),
    "a tunnel": lambda app: request("CONNECT localhost:22 HTTP/1.1"),
    "thousands of blank lines": lambda app: b"\r\n" * 9_000,
    "hundreds of requests at once": lambda app: request("GET /up HTTP/1.1") * 300,
}

PUBLISHES: dict[str, bytes] = {
    "nested channels": b'{"name":"ev","data":"{}","channels":[["a"]]}',
    "channels that are an object": b'{"name":"ev","data":"{}","channels":{"a":"b"}}',
    "channels that are numbers": b'{"name":"ev","data":"{}","channels":[1,2,null]}',
    "no channel": b'{"name":"ev","data":"{}"}',
    "an empty channel": b'{"name":"ev","data":"{}","channel":""}',
    "a name that is a number": b'{"name":7,"data":"{}","channel":"nobody"}',
    "data that is an object": b'{"name":"ev","data":{},"channel":"nobody"}',
    "data that is empty": b'{"name":"ev","data":"","channel":"nobody"}',
    "data that is null": b'{"name":"ev","data":null,"channel":"nobody"}',
    "a body that is a list": b"[]",
    "a body that is null": b"null",
    "a body that is no UTF-8": b'{"name":"\xff","data":"{}","channel":"nobody"}',
    "a deep body": b'{"name":"ev","channel":"nobody","data":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a long number": b'{"name":"ev","channel":"nobody","data":"{}","socket_id":' + b"9" * 500_000 + b"}",
    "a million bytes": b'{"name":"ev","channel":"nobody","data":"' + b"x" * 1_000_000 + b'"}',
    "a lone surrogate": b'{"name":"ev","channel":"nobody","data":"\\ud800"}',
    "a socket_id that is none": b'{"name":"ev","channel":"nobody","data":"{}","socket_id":"../x"}',
    "a thousand channels": json.dumps(
        {"name": "ev", "data": "{}", "channels": [f"nobody-{number}" for number in range(1_000)]}
    ).encode(),
}


def misplaced_messages(app: TargetApp) -> dict[str, bytes]:
    """The secret where a client should not have it, and where a misconfigured one sends it."""
    secret, member = app.secret, json.dumps({"user_id": app.secret, "user_info": {"name": app.secret}})
    return {
        "a sign-in whose key is the secret": said("pusher:signin", {"auth": f"{secret}:ab", "user_data": "{}"}),
        "a sign-in signed with the secret itself": said("pusher:signin", {"auth": f"k:{secret}", "user_data": "{}"}),
        "a sign-in that is the secret": said("pusher:signin", {"auth": secret, "user_data": secret}),
        "a channel whose key is the secret": subscribing(channel="private-x", auth=f"{secret}:ab"),
        "a channel signed with the secret itself": subscribing(channel="private-x", auth=f"{app.key}:{secret}"),
        "a channel whose auth is the secret": subscribing(channel="private-x", auth=secret),
        "a member who is the secret": subscribing(channel="presence-x", auth="a:b", channel_data=member),
        "channel_data that is the secret": subscribing(channel="presence-x", auth="a:b", channel_data=secret),
        "an event that is the secret": said(secret, secret),
        "a client event that is the secret": said(f"client-{secret}", secret, channel="private-x"),
        "the secret behind what is shown of a message": said("x" * 470, secret),
        "a message that is the secret": text(secret),
    }


def misplaced_requests(app: TargetApp) -> dict[str, bytes]:
    """The same over new connections, each several times, as the limit of failures changes what is said."""
    secret = app.secret
    signature = "auth_key=k&auth_timestamp=1&auth_version=1.0&auth_signature=x"
    upgrades: dict[str, tuple[str, dict[str, str | None]]] = {
        "the key is the secret": (secret, {}),
        "and version 99": (secret, {"Sec-WebSocket-Version": "99"}),
        "and no Sec-WebSocket-Key": (secret, {"Sec-WebSocket-Key": None}),
        "the Sec-WebSocket-Key is the secret": (app.key, {"Sec-WebSocket-Key": secret}),
        "the key holds the secret": (f"a{secret}", {}),
        "a path behind the secret": (f"{secret}/x", {}),
        "the origin is the secret": (app.key, {"Origin": f"https://{secret}"}),
    }
    lines = {
        "an app that is the secret": f"GET /apps/{secret}/channels",
        "an app that is the secret, and no route": f"POST /apps/{secret}/nothing",
        "a WebSocket's path without an upgrade": f"GET /app/{secret}",
        "a POST to a WebSocket's path": f"POST /app/{secret}",
        "a path that is the secret": f"GET /{secret}",
        "an auth_key that is the secret": f"GET /apps/{app.id}/channels?{signature}".replace("=k&", f"={secret}&"),
        "a signature that is the secret": f"GET /apps/{app.id}/channels?{signature}".replace("=x", f"={secret}"),
        "a parameter that is the secret": f"GET /apps/{app.id}/channels?secret={secret}&{signature}",
        "a query that is the secret": f"POST /apps/{app.id}/events?{secret}",
        "a user that is the secret": f"POST /users/{secret}/terminate_connections?{signature}",
    }
    sent = {name: upgrade_request(f"ws://localhost/app/{key}", more) for name, (key, more) in upgrades.items()}
    sent |= {name: request(f"{line} HTTP/1.1", f"User-Agent: {secret}") for name, line in lines.items()}
    return {f"{name}, {time}": each for time in ("once", "twice") for name, each in sent.items()}
