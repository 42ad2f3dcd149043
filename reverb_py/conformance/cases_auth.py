"""Signed requests: who may ask and publish, what a refusal says, and what it must not say."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from reverb_py.conformance import signing
from reverb_py.conformance.case import case
from reverb_py.conformance.cases_process import launcher
from reverb_py.conformance.expect import eventually, request_refused
from reverb_py.conformance.link import Answer, parse_head
from reverb_py.conformance.target import Knobs, Target
from reverb_py.conformance.verify import equal, that

INVALID = "Authentication signature invalid."
AUTH = ("auth_key", "auth_timestamp", "auth_version", "auth_signature")
TOLERANCE = 600  # seconds
MUCH = 1_048_577  # bytes, one more than a body may have


TRIGGER = r'{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}'
ORDER = r'{"name":"order.shipped","data":"{\"id\":5}","channel":"private-orders.1"}'
MAIN_AUTH = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
A_AUTH = "auth_key=reverb-key&auth_timestamp=1700000000&auth_version=1.0"
ONLY_USERS = "filter_by_prefix=presence-&info=user_count"
Vector = tuple[str, str, str, str]  # method and path, query without its signature, body, signature
PUSHER_VECTORS: tuple[Vector, ...] = (
    (
        "POST /apps/3/events",
        f"{MAIN_AUTH}&body_md5=ec365a775a4cd0599faeb73354201b6f",
        TRIGGER,
        "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
    ),
    (
        "GET /apps/3/channels",
        f"{ONLY_USERS}&{MAIN_AUTH}",
        "",
        "16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
    ),
    (
        "GET /apps/3/channels",
        f"{MAIN_AUTH}&body_md5=d41d8cd98f00b204e9800998ecf8427e&{ONLY_USERS}",
        "",
        "f3f17c61ae491cc9085db68b22076e9b772e3bcb301659d655153ee3f9782aba",
    ),
    (
        "POST /apps/3/users/u1/terminate_connections",
        f"{MAIN_AUTH}&body_md5=99914b932bd37a50b983c5e7c90ae93b",
        "{}",
        "61efad5e9fe693a686a71ff197d9770bd2c257d87ce961f4efda2dae952c4345",
    ),
)
REVERB_VECTORS: tuple[Vector, ...] = (
    (
        "POST /apps/123456/events",
        f"{A_AUTH}&body_md5=8b23c0b2470e4a0670c309df900ed2b6",
        ORDER,
        "309766b2a01c9be740555990852aa0cac841c0819d0b7b3b6cde75c6e166bc50",
    ),
    (
        "GET /apps/123456/channels",
        f"{A_AUTH}&filter_by_prefix=presence-&info=user_count%2Csubscription_count",
        "",
        "22f404bb9f60362ac112637e9ebdbdfa9557923685d30b478ef3e7903c1af65b",
    ),
    (
        "POST /apps/123456/users/42/terminate_connections",
        f"{A_AUTH}&body_md5=99914b932bd37a50b983c5e7c90ae93b",
        "{}",
        "9a89cb19db84a143d2a6064f9b55a7fc0200554e96876f5e9e99a68b25c5f032",
    ),
)


async def send(target: Target, vector: Vector) -> Answer:
    """The answer to exactly these bytes."""
    line, query, body, signature = vector
    head = f"{line}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    sized = f"Content-Length: {len(body)}\r\n" if body else ""
    return parse_head(await target.raw(f"{head}Content-Type: application/json\r\n{sized}\r\n{body}".encode()))


@case("pp-242", "rb-131", apps=(), own_process=True)
async def published_vectors(target: Target) -> None:
    """Where any time is accepted, the published requests are, byte for byte; with another signature none is."""
    credentials = (
        (PUSHER_VECTORS, ("3", "278d425bdf160c739803", "7ad3773142a6692b25b8")),
        (REVERB_VECTORS, ("123456", "reverb-key", "reverb-secret")),
    )
    for vectors, (app_id, key, secret) in credentials:
        app = {"REVERB_APP_ID": app_id, "REVERB_APP_KEY": key, "REVERB_APP_SECRET": secret}
        async with launcher(target)(env={**app, "REVERB_SIGNATURE_TOLERANCE": "0"}) as server:
            for vector in vectors:
                answer = await send(server.target, vector)
                expected = b'{"channels":{}}' if vector[0].startswith("GET") else b"{}"
                equal((answer.status, answer.body), (200, expected), f"the answer to {vector[0]}")
                forged = (*vector[:3], vector[3][:-1] + ("0" if vector[3][-1] != "0" else "1"))
                equal((await send(server.target, forged)).status, 401, f"the status of a forged {vector[0]}")


@case("rb-129", apps=(), own_process=True)
async def any_time(target: Target) -> None:
    """Where any time is accepted, a timestamp of 0 is too, and one that is no number is refused all the same."""
    async with launcher(target)(env={"REVERB_SIGNATURE_TOLERANCE": "0"}) as server:
        for timestamp in (0, 1, 4_102_444_800):
            equal((await server.target.get("/channels", timestamp=timestamp)).status_code, 200, "the status")
        for text in ("", "now"):
            request_refused(await server.target.get("/channels", timestamp=text), 401, INVALID)


@case("pp-243")
async def missing_parameter(target: Target) -> None:
    """Without one of the four auth parameters a request is refused with 401, and the text names it."""
    for name in AUTH:
        for response in (
            await target.get("/channels", omit=(name,)),
            await target.post("/events", {"name": "ev", "data": "{}", "channels": ["x"]}, omit=(name,)),
        ):
            request_refused(response, 401, INVALID, f"Missing parameter: {name}")


@case("rb-122")
async def unsigned(target: Target) -> None:
    """Without any signature every endpoint answers 401 with Reverb's sentence, our code, and what is missing."""
    app = f"/apps/{target.apps['MAIN'].id}"
    posts = ("/events", "/batch_events", "/users/1/terminate_connections", "/channels/x/events")
    for path in posts:
        response = await target.http("POST", app + path, b'{"name":"ev","data":"{}","channels":["x"]}')
        request_refused(response, 401, INVALID, "RVB211", *AUTH)
    for path in ("/channels", "/channels/x", "/channels/presence-x/users", "/connections"):
        request_refused(await target.http("GET", app + path), 401, INVALID, "RVB211", *AUTH)


@case("pp-244")
async def wrong_signature(target: Target) -> None:
    """A wrong signature is refused with 401, and the text shows what should have been signed."""
    path = f"/apps/{target.apps['MAIN'].id}/events"
    body = {"name": "ev", "data": "{}", "channels": ["x"]}
    wrong: Sequence[Knobs] = (
        {"secret": "another secret"},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "é🚗"},
        {"signature": "x" * 10_000},
        {"unsigned": {"info": "user_count"}},
        {"signed_path": "/apps/4/events"},
    )
    for knobs in wrong:
        knobs["timestamp"] = 1_700_000_000
        response = await target.post("/events", body, **knobs)
        shown = rf"POST\n{path}\nauth_key={target.apps['MAIN'].key}&auth_timestamp=1700000000&auth_version=1.0"
        code = "RVB211" if "unsigned" in knobs else "RVB302"  # what a proxy adds to the query can be told apart
        request_refused(response, 401, INVALID, code, shown, signing.body_md5(json.dumps(body).encode()))
    query = f"{'&'.join(f'{name}=1' for name in AUTH[:3])}&auth_signature[]=x"
    request_refused(await target.http("GET", f"{path}?{query}"), 405)
    request_refused(await target.http("POST", f"{path}?{query}"), 401, INVALID)


@case("pp-244")
async def upper_case_signature(target: Target) -> None:
    """A right signature in upper-case hex is refused with 401, as by Reverb."""
    app = target.apps["MAIN"]
    params = auth_of(target)
    signature = signing.request_signature(app.secret, "GET", f"/apps/{app.id}/channels", params)
    response = await target.get("/channels", timestamp=params["auth_timestamp"], signature=signature.upper())
    request_refused(response, 401, INVALID)


@case("pp-245", "pp-246", "rb-129")
async def window(target: Target) -> None:
    """A timestamp 598 seconds off is accepted either way; 601 seconds off, 0 and what is no number get 401."""
    now = time.time()
    for timestamp in (math.floor(now) - TOLERANCE + 2, math.ceil(now) + TOLERANCE - 2):
        equal((await target.get("/channels", timestamp=timestamp)).status_code, 200, "the status within the window")
    for timestamp in (math.floor(now) - TOLERANCE - 1, math.ceil(now) + TOLERANCE + 2, 0, -1):
        refused = await target.get("/channels", timestamp=timestamp)
        request_refused(refused, 401, INVALID, "RVB305", str(timestamp))
    for text in ("", "now", "1e9", "12.5", "0x10", "9" * 400, "9" * 5_000):
        request_refused(await target.get("/channels", timestamp=text), 401, INVALID, "auth_timestamp")


@case("pp-247")
async def other_version(target: Target) -> None:
    """Another auth_version than 1.0 is refused with 401, and the text names it."""
    for version in ("2.0", "1", "1.00", ""):
        request_refused(await target.get("/channels", version=version), 401, INVALID, "auth_version")


@case("pp-248", "pp-249", apps=("MAIN", "MIN"))
async def other_key(target: Target) -> None:
    """The secret proves the app: with it any key is accepted, and no key helps without it."""
    main, minor = target.apps["MAIN"], target.apps["MIN"]
    for key in (minor.key, "no-such-key"):
        equal((await target.get("/channels", key=key)).status_code, 200, f"the status with the key {key}")
        request_refused(await target.get("/channels", key=key, secret="another secret"), 401, INVALID)
    request_refused(await target.get("/channels", key=minor.key, secret=minor.secret), 401, INVALID)
    request_refused(await target.get("/channels", secret=minor.secret), 401, INVALID)
    request_refused(await target.get("/channels", app="MIN", key=main.key, secret=main.secret), 401, INVALID)


@case("pp-248", apps=(), own_process=True)
async def other_key_in_the_log(target: Target) -> None:
    """The log warns of a request that names another key than the app's, and shows no secret and no signature."""
    async with launcher(target)() as server:
        app = server.target.apps["MAIN"]
        response = await server.target.get("/channels", key="no-such-key")
        equal(response.status_code, 200, "the status")

        async def warned() -> bool:
            return "RVB303" in server.output

        await eventually(warned, "the log should warn with RVB303")
        refused = await server.target.get("/channels", secret="wr0ng")
        that("RVB302" in refused.text, f"expected RVB302 in {refused.text!r}")
        signatures = [response.url.params["auth_signature"], refused.url.params["auth_signature"]]
        for hidden in (app.secret, "wr0ng", *signatures):
            that(hidden not in server.output, f"expected neither secret nor signature in {server.output!r}")


@case("pp-250", "rb-127")
async def changed_body(target: Target) -> None:
    """A body that was changed on its way, under the old MD5 and signature, is refused and not published."""
    channel = target.name("tampered")
    signed = json.dumps({"name": "ev", "data": "{}", "channels": [channel]}).encode()
    changed = signed.replace(b'"{}"', b'"[]"')
    async with target.client() as client:
        await client.subscribed(channel)
        for body in (changed, signed + b" ", signed[:-1], b"{}"):
            response = await target.post("/events", body, body_md5=signing.body_md5(signed))
            request_refused(response, 401, INVALID, "body_md5")
        for md5 in ("", "0" * 32, "é", signing.body_md5(signed).upper() + " "):
            request_refused(await target.post("/events", signed, body_md5=md5), 401, INVALID, "body_md5")
        await client.nothing()


@case("pp-251")
async def body_without_md5(target: Target) -> None:
    """A body without body_md5 in the query is refused with 401: nothing says that it is the signer's."""
    channel = target.name("unsigned")
    async with target.client() as client:
        await client.subscribed(channel)
        body = {"name": "ev", "data": "{}", "channels": [channel]}
        request_refused(await target.post("/events", body, omit=("body_md5",)), 401, INVALID, "body_md5")
        await client.nothing()


@case("pp-252", "pp-253")
async def both_forms_of_a_question(target: Target) -> None:
    """A GET is accepted with the MD5 of the empty body, signed or not, and without: Python's and node's form."""
    empty = signing.body_md5(b"")
    equal((await target.get("/channels", body_md5=empty)).status_code, 200, "the status with a signed body_md5")
    response = await target.get("/channels", unsigned={"body_md5": empty})
    equal(response.status_code, 200, "the status with a body_md5 that Reverb would drop before it signs")
    equal((await target.get("/channels")).status_code, 200, "the status without body_md5")


def auth_of(target: Target) -> dict[str, str]:
    """The auth parameters of MAIN, now, without a signature."""
    return {"auth_key": target.apps["MAIN"].key, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}


async def ask(target: Target, sent: Sequence[tuple[str, str]], signed: Mapping[str, str]) -> httpx.Response:
    """GET /channels with these pairs in this order, names unescaped; the signature covers `signed`."""
    app = target.apps["MAIN"]
    path = f"/apps/{app.id}/channels"
    signature = signing.request_signature(app.secret, "GET", path, signed)
    pairs = [*sent, ("auth_signature", signature)]
    return await target.http("GET", f"{path}?{'&'.join(f'{name}={quote(value)}' for name, value in pairs)}")


@case("pp-254", "pp-257", "rb-128")
async def order_and_case(target: Target) -> None:
    """Parameters come in any order, auth names in any case, and unknown ones are signed like the rest."""
    params = {**auth_of(target), "info": "user_count", "zebra": "1", "Aardvark": "x=y", "filter_by_prefix": "none"}
    pairs = list(params.items())
    for turn in range(len(pairs)):
        for order in (pairs[turn:] + pairs[:turn], [*reversed(pairs)][turn:] + [*reversed(pairs)][:turn]):
            response = await ask(target, order, params)
            equal((response.status_code, response.content), (200, b'{"channels":{}}'), f"the answer to {order!r}")
    auth = auth_of(target)
    for change in (str.upper, str.title):
        shouted = [(change(name), value) for name, value in auth.items()]
        equal((await ask(target, shouted, auth)).status_code, 200, f"the status of {shouted!r}")


@case("pp-254", "pp-256")
async def unsigned_double(target: Target) -> None:
    """A parameter that is there twice, in two spellings, of which one is not signed, is refused with 401."""
    auth = auth_of(target)
    signed = {**auth, "filter_by_prefix": "private-", "info": "user_count"}
    pairs = list(signed.items())
    doubles = [("FILTER_BY_PREFIX", "presence-"), ("info[0]", "cache"), ("filter_by_prefix[]", "presence-")]
    for name, value in doubles:
        for order in ([(name, value), *pairs], [*pairs, (name, value)]):
            request_refused(await ask(target, order, signed), 401, INVALID)
        shouted = [(name, signed["filter_by_prefix"]), ("filter_by_prefix", value), *pairs[:3], pairs[4]]
        request_refused(await ask(target, shouted, signed), 401, INVALID)


@case("pp-255", "rb-130")
async def escaped_values(target: Target) -> None:
    """Values are signed as they are and sent percent-encoded, a comma and a plus for a blank included."""
    channel = target.name("presence-a@b")
    auth = auth_of(target)
    async with target.client() as client:
        await client.subscribed(channel, channel_data='{"user_id":"1"}')
        params = {"filter_by_prefix": channel, "info": "user_count,subscription_count"}
        response = await target.get("/channels", params)
        that("%40" in str(response.url) and "%2C" in str(response.url), f"expected escapes in {response.url}")
        equal(response.json(), {"channels": {channel: {"user_count": 1}}}, "the answer")
    for value in ("a b/é", "100%", "a&b=c", "a+b"):
        signed = {**auth, "filter_by_prefix": value}
        equal((await ask(target, list(signed.items()), signed)).status_code, 200, f"the status with {value!r}")
    signed = {**auth, "filter_by_prefix": "a b"}
    app = target.apps["MAIN"]
    signature = signing.request_signature(app.secret, "GET", f"/apps/{app.id}/channels", signed)
    query = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in signed.items())
    response = await target.http("GET", f"/apps/{app.id}/channels?{query}&auth_signature={signature}")
    equal(response.status_code, 200, "the status with a plus for a blank")


@case("pp-256")
async def arrays_of_php(target: Target) -> None:
    """An array is accepted that was signed joined with commas and sent as `info[0]=a&info[1]=b`, as PHP does."""
    auth = auth_of(target)
    channel, presence = target.name("array"), target.name("presence-array")
    signed = {**auth, "info": "user_count,subscription_count"}
    async with target.client() as client:
        await client.subscribed(channel)
        await client.subscribed(presence, channel_data='{"user_id":"1"}')
        for names in (("info[0]", "info[1]"), ("info%5B0%5D", "info%5B1%5D"), ("info[]", "info[]")):
            sent = [*auth.items(), (names[0], "user_count"), (names[1], "subscription_count")]
            response = await ask(target, sent, signed)
            equal(response.status_code, 200, f"the status of {names!r}, {response.text!r}")
            listed = response.json()["channels"]
            equal(listed[channel], {"subscription_count": 1}, "the info of a public channel")
            equal(listed[presence], {"user_count": 1}, "the info of a presence channel")


@case("pp-258", apps=("DIS",))
async def disabled_app(target: Target) -> None:
    """A disabled app is told so with 403, to those who can sign for it."""
    body = {"name": "ev", "data": "{}", "channels": ["x"]}
    request_refused(await target.post("/events", body, "DIS"), 403, "Application is disabled.", "RVB310")
    request_refused(await target.get("/channels", app="DIS"), 403, "Application is disabled.", "RVB310")
    request_refused(await target.get("/channels", app="DIS", secret="another secret"), 401, INVALID)


@case("pp-259", "rb-123")
async def unknown_app(target: Target) -> None:
    """An app id that nobody has is refused with 404 and Reverb's sentence, signed or not."""
    auth = "&".join(f"{name}={value}" for name, value in auth_of(target).items())
    for app_id in ("invalid-app-id", "0", target.apps["MAIN"].key, "%3Cb%3E", "9" * 1_000):
        sentence = f"No matching application for ID [{app_id.replace('%3C', '<').replace('%3E', '>')[:100]}]."
        for query in ("", f"?{auth}&auth_signature={'0' * 64}"):
            request_refused(await target.http("GET", f"/apps/{app_id}/channels{query}"), 404, sentence, "RVB301")
            request_refused(await target.http("POST", f"/apps/{app_id}/events{query}", b"{}"), 404, sentence)


@case("pp-261", apps=(), own_process=True)
async def second_credentials(target: Target) -> None:
    """Every key and secret of an app signs for it, also crosswise, and those of nobody do not."""
    app = {"id": "3", "key": "new-key", "secret": "new secret"}
    apps = [{**app, "more_credentials": [{"key": "old-key", "secret": "old secret"}]}]
    alone = {"REVERB_APPS": json.dumps(apps), "REVERB_APP_ID": "", "REVERB_APP_KEY": "", "REVERB_APP_SECRET": ""}
    async with launcher(target)(env=alone) as server:
        for key, secret in (("new-key", "new secret"), ("old-key", "old secret"), ("new-key", "old secret")):
            response = await server.target.get("/channels", key=key, secret=secret)
            equal(response.status_code, 200, f"the status with {key} and {secret}, {response.text!r}")
        refused = await server.target.get("/channels", key="new-key", secret="another secret")
        that("new secret" not in request_refused(refused, 401, INVALID), "expected no secret in the text")


@case("pp-262", apps=("MAIN", "DIS"))
async def texts_of_refusals(target: Target) -> None:
    """Every refusal is plain text for people: no stack trace, no markup, no secret."""
    app = target.apps["MAIN"]
    start = f"/apps/{app.id}"
    refusals = [
        (400, await target.post("/events", b"not json")),
        (401, await target.get("/channels", secret="another secret")),
        (401, await target.http("GET", f"{start}/channels")),
        (403, await target.get("/channels", app="DIS")),
        (404, await target.http("GET", "/apps/nobody/channels")),
        (404, await target.http("GET", f"{start}/nothing")),
        (405, await target.http("PUT", f"{start}/events")),
        (413, await target.post("/events", b"x" * MUCH)),
        (422, await target.post("/events", b"{}")),
        (422, await target.get("/channels/a%20b")),
        (426, await target.http("GET", f"/app/{app.key}")),
    ]
    for status, response in refusals:
        text = request_refused(response, status)
        for hidden in (app.secret, target.apps["DIS"].secret, "Traceback", 'File "', "<html", "Error("):
            that(hidden not in text, f"expected no {hidden!r} in {text!r}")
        that(len(text) > 5, f"expected a text with {status}, got {text!r}")
