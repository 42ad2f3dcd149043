"""The HTTP API around its answers: what is told to listeners, what a fault of ours becomes, what every answer carries.

The answers themselves are the conformance cases' affair.
"""

import json
import logging
from typing import Any

import pytest

from reverb_py import codes
from reverb_py.cluster.occupancy import LocalOccupancy
from reverb_py.conformance.target import TargetApp
from reverb_py.hub import facts
from reverb_py.hub.app import App, Credential
from reverb_py.settings import Settings
from tests.transports.in_process import APP, Running, publish, request, running, signed, until

PUBLISH = {"name": "ev", "channel": "news", "data": "{}"}
SMALL = App("7", (Credential("small", "small's secret"),), max_event_size=10)


class BrokenOccupancy(LocalOccupancy):
    """A fault of ours, in the middle of an answer."""

    async def channels(self, app_id: str) -> dict[str, tuple[int, int]]:
        raise RuntimeError("nobody counted")


# What is told.


async def test_a_publish_is_told_with_its_size_in_bytes_and_who_received_it(server: Running) -> None:
    async with server.target.client() as client:
        await client.subscribed("news")
        body = {"name": "ev", "channels": ["news", "olds"], "data": "é"}
        await server.target.post("/events", body, headers={"X-Pusher-Library": "pusher-http-php 7.2.6"})
    (told,) = server.told(facts.Published)
    assert (told.app_id, told.event, told.received, told.size) == ("1", "ev", {"news": 1, "olds": 0}, 2)
    assert told.publisher == "pusher-http-php 7.2.6"
    assert 0 < told.seconds < 1


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [
        ("/batch_events", {"batch": [{**PUBLISH, "name": "a"}, {**PUBLISH, "name": "b"}]}, ["a", "b"]),
        ("/batch_events", {"batch": []}, []),
        ("/batch_events", {"batch": [PUBLISH, {**PUBLISH, "channel": "a b"}]}, []),
        ("/events", {**PUBLISH, "channels": ["news", "a b"]}, []),
    ],
)
async def test_each_event_is_told_or_none_of_them(
    server: Running, path: str, body: dict[str, Any], events: list[str]
) -> None:
    await server.target.post(path, body)
    assert [told.event for told in server.told(facts.Published)] == events


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/events", b"{", 400, codes.INVALID_REQUEST),
        ("POST", "/events", b"[]", 422, codes.INVALID_REQUEST),
        ("POST", "/events", json.dumps({**PUBLISH, "data": {}}).encode(), 422, codes.INVALID_REQUEST),
        ("POST", "/events", json.dumps({**PUBLISH, "data": "x" * 11}).encode(), 413, codes.TOO_LARGE),
        ("POST", "/events", b"x" * 2_000, 413, codes.TOO_LARGE),
        ("GET", "/channels/a%20b", b"", 422, codes.INVALID_REQUEST),
        ("GET", "/channels/news/users", b"", 422, codes.INVALID_REQUEST),
        ("GET", "/events", b"", 405, codes.REDIRECTED_PUBLISH),
        ("GET", "/batch_events", b"", 405, codes.REDIRECTED_PUBLISH),
        ("DELETE", "/channels", b"", 405, None),
        ("GET", "/nowhere", b"", 404, None),
        ("POST", "/events/", b"{}", 404, None),
    ],
)
async def test_a_refusal_is_told_with_its_place_its_code_and_its_text(
    method: str, path: str, body: bytes, status: int, code: codes.Code | None
) -> None:
    async with running(SMALL, settings=Settings(max_request_size=1_000)) as server:
        answer = await server.target.request(method, path, body)
        (told,) = server.told(facts.RequestRefused)
    assert (answer.status_code, told.status, told.method, told.code) == (status, status, method, code)
    assert told.path.startswith("/apps/7/")
    assert told.reason == answer.text
    assert code is None or (f"[{code}]" in answer.text and code.fix in answer.text)


async def test_a_refusal_of_a_stranger_is_told_too(server: Running) -> None:
    for target, status in (("/apps/1/channels", 401), ("/apps/2/channels", 404), ("/", 404)):
        assert (await server.target.http("GET", target)).status_code == status
    assert [told.status for told in server.told(facts.RequestRefused)] == [401, 404, 404]


async def test_what_a_body_or_a_signature_holds_is_not_told(server: Running) -> None:
    await server.target.post("/events", b'{"name": "password', secret="wrong")
    await server.target.post("/events", b'{"name": "password')
    told = repr(server.facts)
    assert told.count("RequestRefused") == 2
    assert all(hidden not in told for hidden in ("password", "auth_signature=", APP.secrets[0]))


async def test_a_body_that_was_changed_on_its_way_is_not_published(server: Running) -> None:
    for lines in ((), ("Expect: 100-continue",)):  # the short way, and the ordinary one
        changed = publish("news", *lines).replace(b'"name":"ev"', b'"name":"EV"')
        async with server.http() as http:
            answer = await http.send(changed).answer()
            if answer.status == 100:
                answer = await http.answer()
            assert (answer.status, b"body_md5" in answer.body) == (401, True)
    assert server.told(facts.Published) == []


async def test_a_client_that_goes_away_while_it_sends_is_no_fault_of_ours(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    state = server.server.server_state
    async with server.http() as http:
        http.send(request("POST", signed("POST", "/events", b"x"), "Transfer-Encoding: chunked") + b"1\r\nx\r\n")
        await until(lambda: state.tasks)
    await until(lambda: not state.tasks and not state.connections)
    assert (server.facts, caplog.records) == ([], [])


# What every answer carries.


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/up", "application/json"),
        ("GET", "/nowhere", "text/plain; charset=utf-8"),
        ("GET", "/apps/1/channels", "text/plain; charset=utf-8"),
        ("PUT", "/up", "text/plain; charset=utf-8"),
    ],
)
async def test_every_answer_names_its_kind_and_us(server: Running, method: str, path: str, kind: str) -> None:
    headers = (await server.target.http(method, path)).headers
    assert (headers["content-type"], headers["x-powered-by"], "server" in headers) == (kind, "reverb-py", False)


async def test_a_wrong_method_is_told_the_right_ones(server: Running) -> None:
    answer = await server.target.http("PUT", "/up")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


async def test_a_websocket_address_without_an_upgrade_explains_itself(server: Running) -> None:
    answer = await server.target.http("GET", "/app/key")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert codes.NOT_AN_UPGRADE.fix in answer.text


@pytest.mark.parametrize("path", ["/up", "/ws/up"])
@pytest.mark.parametrize(("draining", "status", "health"), [(False, 200, "OK"), (True, 503, "DRAINING")])
async def test_up_says_whether_new_clients_are_welcome(path: str, draining: bool, status: int, health: str) -> None:
    async with running(settings=Settings(path="/ws")) as server, server.http() as http, server.http() as head:
        server.node.draining = draining
        answer = await http.send(request("GET", path)).answer()
        assert (answer.status, json.loads(answer.body)) == (status, {"health": health})
        head.send(request("HEAD", path, "Connection: close"))
        assert (await head.rest()).startswith(f"HTTP/1.1 {status} ".encode())


async def test_everything_else_lives_behind_the_prefix() -> None:
    async with running(settings=Settings(path="/ws")) as server:
        assert (await server.target.trigger("news")).status_code == 200
        async with server.http() as http:
            assert (await http.send(publish()).answer()).status == 404
        assert len(server.told(facts.Published)) == 1


async def test_a_cached_event_lives_for_a_second_at_least(server: Running) -> None:
    await server.target.trigger("cache-news", data="old")
    event = server.node.last_events.get(APP.id, "cache-news", server.node.clock())
    assert event is not None
    server.node.clock = lambda: event.expires - 0.01
    answer = await server.target.get("/channels/cache-news", {"info": "cache"})
    assert answer.json()["cache"]["ttl"] == 1


# Faults of ours.


async def test_a_fault_of_ours_is_500_without_details_and_a_traceback_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    server.node.occupancy = BrokenOccupancy()
    async with server.http() as http:
        answer = await http.send(request("GET", signed("GET", "/channels"))).answer()
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
        assert await http.rest() == b""
    assert (await server.target.http("GET", "/up")).status_code == 200
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "nobody counted" in str(record.exc_info[1])


@pytest.mark.parametrize("place", ["app id", "key", "swapped"])
async def test_a_secret_in_the_wrong_place_is_not_told(place: str) -> None:
    async with running() as server:
        secret = server.target.apps["MAIN"].secret
        if place == "app id":
            server.target.apps["WRONG"] = TargetApp(secret, "key", secret)
            answer = await server.target.post("/events", {"name": "e", "data": "", "channel": "a"}, "WRONG")
            assert answer.status_code == 404
        elif place == "key":
            answer = await server.target.post("/events", {"name": "e", "data": "", "channel": "a"}, key=secret)
            assert answer.status_code == 200
        else:
            body = {"name": "e", "data": "", "channel": "a"}
            answer = await server.target.post("/events", body, key=secret, secret="key")
            assert "[RVB302] auth_key is the secret of an app" in answer.text
        assert secret not in answer.text
        assert secret not in repr(server.facts)
        assert len(server.facts) >= 1
