"""Failure modes produced against a real server process, and named with their codes in its log."""

import asyncio
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator

import pytest

from reverb_py.conformance.signing import channel_auth
from reverb_py.conformance.target import TargetApp, signed_query
from tests.modes.serving import CHANNEL, SECRET, Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as started:
        yield started


BODY = {"name": "ticket.assigned", "data": '{"ticket_id":1}', "channels": [CHANNEL]}


# Publishes that are refused.


@pytest.mark.mode("RVB203", "log")
async def test_tls_on_the_plain_port(server: Server) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.open_connection("127.0.0.1", server.process.port, ssl=ssl.create_default_context())
    assert "WARNING" in await server.logs("RVB203", "REVERB_SCHEME=http")


@pytest.mark.mode("RVB204", "log")
async def test_a_publish_that_a_redirect_turned_into_a_get(server: Server) -> None:
    answer = await server.target.request("GET", "/events", b"")
    assert answer.status_code == 405
    await server.logs("RVB204", "REVERB_SCHEME=https")


@pytest.mark.mode("RVB211", "log")
@pytest.mark.parametrize(
    ("knobs", "part"),
    [
        ({"omit": ("auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5")}, "Missing parameter"),
        ({"signed_path": "/reverb/apps/1/events"}, "fits the path /reverb/apps/1/events"),
        ({"unsigned": {"utm": "x"}}, "fits without utm"),
    ],
)
async def test_a_proxy_that_changes_what_was_signed(server: Server, knobs: dict[str, object], part: str) -> None:
    answer = await server.target.post("/events", BODY, **knobs)  # type: ignore[arg-type]
    assert answer.status_code == 401
    await server.logs("RVB211", part)


@pytest.mark.mode("RVB301", "log", "publishes")
async def test_another_app_id(server: Server) -> None:
    server.target.apps["WRONG"] = TargetApp("12", "main-key", SECRET)
    assert (await server.target.post("/events", BODY, "WRONG")).status_code == 404
    await server.logs("RVB301", "ID [12]")


@pytest.mark.mode("RVB302", "log", "publishes")
@pytest.mark.parametrize(
    ("secret", "part"),
    [
        ("something else", "another secret"),
        ("another-secret-that-no-log-shows", "signed with the secret of app 2"),
        (SECRET + " ", "blanks or quotes around the secret"),
        (f'"{SECRET}"', "blanks or quotes around the secret"),
    ],
)
async def test_another_secret(server: Server, secret: str, part: str) -> None:
    assert (await server.target.post("/events", BODY, secret=secret)).status_code == 401
    await server.logs("RVB302", part)
    answer = (await server.target.get("/publishes", {"rejected": "1"})).json()
    assert [each["code"] for each in answer["publishes"]] == ["RVB302"]
    assert part in answer["publishes"][0]["text"]


@pytest.mark.mode("RVB303", "log")
async def test_another_key_with_the_right_secret(server: Server) -> None:
    assert (await server.target.post("/events", BODY, key="old-key")).status_code == 200
    await server.logs("RVB303", "old-key")


@pytest.mark.mode("RVB305", "log")
async def test_a_clock_that_is_wrong(server: Server) -> None:
    assert (await server.target.post("/events", BODY, timestamp=1_000_000_000)).status_code == 401
    await server.logs("RVB305", "1000000000 is not within 600 s of this server's time")


@pytest.mark.mode("RVB306", "log")
async def test_an_event_that_is_too_large() -> None:
    async with serving(REVERB_MAX_REQUEST_SIZE="1000") as server:
        answer = await server.target.post("/events", BODY | {"data": "x" * 2_000})
        assert answer.status_code == 413
        await server.logs("RVB306", "raise REVERB_MAX_REQUEST_SIZE")
        (receipt,) = (await server.target.get("/publishes")).json()["publishes"]
        assert receipt["size"] > 2_000


@pytest.mark.mode("RVB307", "log")
async def test_a_channel_that_cannot_be(server: Server) -> None:
    assert (await server.target.post("/events", BODY | {"channels": ["a b"]})).status_code == 422
    assert "of ticket.assigned for a b" in await server.logs("RVB307", "'a b'")
    (receipt,) = (await server.target.get("/publishes")).json()["publishes"]
    assert (receipt["event"], list(receipt["channels"])) == ("ticket.assigned", ["a b"])


@pytest.mark.mode("RVB308", "log")
async def test_a_socket_id_that_is_none(server: Server) -> None:
    assert (await server.target.post("/events", BODY | {"socket_id": "undefined"})).status_code == 200
    await server.logs("RVB308", "'undefined'")


@pytest.mark.mode("RVB310", "log")
async def test_an_app_that_is_disabled(server: Server) -> None:
    assert (await server.target.post("/events", BODY, "DISABLED")).status_code == 403
    await server.logs("RVB310", "Application is disabled")


# Publishes that nobody received.


@pytest.mark.parametrize(
    ("published", "part"),
    [
        pytest.param(
            "customer.100.driver-location",
            "the prefix private- is missing",
            marks=pytest.mark.mode("RVB401", "log", "trigger", "publishes"),
        ),
        pytest.param(
            "private-private-customer.100.driver-location",
            "the prefix private- is doubled",
            marks=pytest.mark.mode("RVB401", "log", "trigger", "publishes"),
        ),
        pytest.param(
            "private-Customer.100.driver-location",
            "capital letters differ",
            marks=pytest.mark.mode("RVB402", "log", "trigger", "publishes"),
        ),
        pytest.param(
            "private-customer.7.driver-location",
            "it has 100 where this one has 7",
            marks=pytest.mark.mode("RVB402", "log", "trigger", "publishes"),
        ),
    ],
)
async def test_another_channel_than_the_one_listened_to(server: Server, published: str, part: str) -> None:
    async with server.target.client() as listener:
        await listener.subscribed(CHANNEL)
        answer = await server.target.trigger(published, "ticket.assigned")
        sentences = (await server.target.get("/publishes", {"channel": CHANNEL})).json()["publishes"]
    code, _, hint = answer.headers["X-Reverb-Hint"].partition(" ")
    assert answer.headers["X-Reverb-Delivered"] == "0"
    assert hint == f"nobody on {published}; 1 on {CHANNEL}: {part}"
    await server.logs(code, hint)
    assert [each["code"] for each in sentences] == [code]


@pytest.mark.mode("RVB403", "log")
async def test_the_channel_of_another_app(server: Server) -> None:
    async with server.target.client("OTHER") as listener:
        await listener.subscribed(CHANNEL)
        await server.target.trigger(CHANNEL)
    await server.logs("RVB403", "1 in app 2")


@pytest.mark.mode("RVB406", "log", "trigger")
async def test_the_sender_as_the_only_listener(server: Server) -> None:
    async with server.target.client() as listener:
        await listener.subscribed(CHANNEL)
        await server.target.trigger(CHANNEL, socket_id=listener.socket_id)
    await server.logs("RVB406", listener.socket_id)


@pytest.mark.mode("RVB407", "log", "trigger")
async def test_a_subscriber_who_left_a_moment_ago(server: Server) -> None:
    async with server.target.client() as listener:
        await listener.subscribed(CHANNEL)
        await listener.send({"event": "pusher:unsubscribe", "data": {"channel": CHANNEL}})
        await listener.send({"event": "pusher:ping"})
        await listener.frame()
        await server.target.trigger(CHANNEL)
    await server.logs("RVB407", "its last subscriber left 0 s ago (it unsubscribed)")


@pytest.mark.mode("RVB409", "log", "publishes")
async def test_an_event_before_the_subscription(server: Server) -> None:
    await server.target.trigger(CHANNEL, "ticket.assigned")
    async with server.target.client() as listener:
        await listener.subscribed(CHANNEL)
        await server.logs("RVB409", "ticket.assigned was published to")


@pytest.mark.mode("RVB111", "log")
async def test_clients_that_listen_while_nobody_ever_publishes() -> None:
    async with serving(REVERB_SILENT_AFTER="1") as server, server.target.client() as listener:
        await listener.subscribed(CHANNEL)
        line = await server.logs("RVB111", CHANNEL)
    for other in ("RVB110", "RVB101", "RVB2xx", "reverb-py doctor"):
        assert other in line


# What clients trip over.


@pytest.mark.mode("RVB502", "log")
async def test_an_event_named_like_its_class(server: Server) -> None:
    await server.target.trigger(CHANNEL, "App\\Events\\TicketAssigned")
    await server.logs("RVB502", "TicketAssigned")


@pytest.mark.mode("RVB503", "log")
async def test_data_that_is_encoded_twice(server: Server) -> None:
    await server.target.trigger(CHANNEL, "ticket.assigned", json.dumps('{"ticket_id":1}'))
    await server.logs("RVB503", "ticket.assigned")


@pytest.mark.mode("RVB504", "log")
async def test_a_client_event_on_a_channel_that_was_not_joined(server: Server) -> None:
    async with server.target.client() as client:
        await client.send({"event": "client-typing", "channel": CHANNEL, "data": "{}"})
        await server.logs("RVB504", "not subscribed")


@pytest.mark.mode("RVB601", "log")
async def test_a_key_that_no_app_has(server: Server) -> None:
    server.target.apps["WRONG"] = TargetApp("1", "old-key", SECRET)
    async with server.target.open("WRONG") as client:
        assert (await client.frame())["data"]["code"] == 4001
    await server.logs("RVB601", "old-key")


@pytest.mark.mode("RVB602", "log")
@pytest.mark.parametrize(
    ("headers", "part"),
    [({"Origin": "https://evil.example"}, "'https://evil.example'"), ({}, "no origin")],
)
async def test_an_origin_that_is_not_allowed(server: Server, headers: dict[str, str], part: str) -> None:
    async with server.target.open("CLOSED", headers=headers) as client:
        assert (await client.frame())["data"]["code"] == 4009
    assert "allowed are app.example.com" in await server.logs("RVB602", part)


@pytest.mark.mode("RVB603", "log", "publishes")
@pytest.mark.parametrize(
    ("auth", "part"),
    [
        (None, "Auth info required"),
        ("no-colon", "should be of format"),
        (("main-key", "another-secret-that-no-log-shows", CHANNEL), "signed with the secret of app 2"),
        (("main-key", SECRET, CHANNEL.removeprefix("private-")), "without the prefix"),
    ],
)
async def test_an_authorization_that_does_not_fit(
    server: Server, auth: str | tuple[str, str, str] | None, part: str
) -> None:
    async with server.target.client() as client:
        if isinstance(auth, tuple):
            auth = channel_auth(auth[0], auth[1], client.socket_id, auth[2])
        data = {"channel": CHANNEL} | ({"auth": auth} if auth else {})
        await client.send({"event": "pusher:subscribe", "data": data})
        await server.logs("RVB603", part)
        told = (await server.target.get("/publishes", {"channel": CHANNEL})).json()["subscriptions_refused"]
    assert part in told[0]["text"]


@pytest.mark.mode("RVB603", "log")
async def test_the_channel_authorization_asked_of_the_wrong_server(server: Server) -> None:
    answer = await server.target.http("POST", "/broadcasting/auth", b"socket_id=1.1&channel_name=private-a")
    assert answer.status_code == 404
    await server.logs("RVB603", "a route of your application")


@pytest.mark.mode("RVB604", "log")
async def test_a_websocket_address_without_an_upgrade(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="426"):
        await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{server.process.port}/app/main-key")
    await server.logs("RVB604")


@pytest.mark.mode("RVB607", "log")
@pytest.mark.mode("RVB215", "log")
async def test_a_server_that_is_full() -> None:
    async with serving(REVERB_MAX_CONNECTIONS="1") as server, server.target.client():
        await server.logs("RVB215", "80% of the 1 connections")
        async with server.target.open() as second:
            assert (await second.frame())["data"]["code"] == 4100
        await server.logs("RVB607")


# What cannot happen here.


@pytest.mark.mode("RVB309", "server")
async def test_questions_are_answered_in_both_forms_of_signature(server: Server) -> None:
    assert (await server.target.get("/channels")).status_code == 200
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    assert (await server.target.get("/channels", body_md5=empty)).status_code == 200


@pytest.mark.mode("RVB612", "server")
async def test_connections_that_subscribe_to_nothing_are_counted(server: Server) -> None:
    async with server.target.client():
        assert (await server.target.get("/connections")).json() == {"connections": 1}


@pytest.mark.mode("RVB613", "server")
async def test_a_publish_in_many_packets_is_read_whole(server: Server) -> None:
    body = json.dumps(BODY).encode()
    query = signed_query(server.target.apps["MAIN"], "POST", "/apps/1/events", body, {}, {})
    head = f"POST /apps/1/events?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.process.port)
    for byte in head.encode() + body:
        writer.write(bytes([byte]))
        await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
