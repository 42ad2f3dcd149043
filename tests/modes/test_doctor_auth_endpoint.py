"""An application's auth endpoint that answers as no client can use it; the doctor says what to change."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reverb_py import codes
from reverb_py.client.signing import Credentials, channel_auth
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.protocol.signatures import parse_query
from tests.modes.responder import HTML, Asked, Reply, responder
from tests.modes.visiting import APP, DRIVER, QUICK, SECRET, at, first, found, told
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with ServerProcess(env=APP) as process:
        yield at(process.wait_until_ready().port)


def _signs(asked: Asked, key: str = "doctors-key", secret: str = SECRET) -> Reply:
    parameters = parse_query(asked.body) if "form" in asked.headers["content-type"] else json.loads(asked.body)
    auth = channel_auth(Credentials("100", key, secret), parameters["socket_id"], parameters["channel_name"])
    return Reply(200, json.dumps({"auth": auth}), {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("reply", "code", "title"),
    [
        pytest.param(Reply(), codes.BROADCASTS_DISCARDED, "log or null", marks=pytest.mark.mode("RVB101", "doctor")),
        pytest.param(Reply(302, "", {"Location": "http://127.0.0.1/login"}), codes.SUBSCRIPTION_REFUSED, "/login"),
        pytest.param(Reply(401, '{"message":"Unauthenticated."}'), codes.SUBSCRIPTION_REFUSED, "nobody is signed in"),
        pytest.param(Reply(403, ""), codes.SUBSCRIPTION_REFUSED, "refuses the channel"),
        pytest.param(Reply(404, "<!DOCTYPE html>", HTML), codes.SUBSCRIPTION_REFUSED, "does not exist"),
        pytest.param(Reply(405, ""), codes.SUBSCRIPTION_REFUSED, "does not take POST"),
        pytest.param(Reply(419, "<!DOCTYPE html>", HTML), codes.SUBSCRIPTION_REFUSED, "CSRF"),
        pytest.param(Reply(500, ""), codes.SUBSCRIPTION_REFUSED, "fails (500)"),
        pytest.param(Reply(200, "<!DOCTYPE html><p>Welcome", HTML), codes.SUBSCRIPTION_REFUSED, "a page"),
        pytest.param(Reply(200, "true"), codes.SUBSCRIPTION_REFUSED, "has no auth"),
    ],
    ids=["empty", "302", "401", "403", "404", "405", "419", "500", "HTML", "no auth"],
)
@pytest.mark.mode("RVB603", "doctor")
async def test_the_auth_endpoint_refuses(server: Target, reply: Reply, code: Code, title: str) -> None:
    async with responder(lambda asked: reply) as port:
        finding = first(await _asked(server, port))
    assert (finding.check, finding.code) == ("auth", code)
    assert title in finding.title


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("doctors-key", "another", codes.WRONG_SECRET), ("another-key", SECRET, codes.WRONG_KEY)],
)
async def test_the_auth_endpoint_signs_for_another_app(server: Target, key: str, secret: str, code: Code) -> None:
    async with responder(lambda asked: _signs(asked, key, secret)) as port:
        assert first(await _asked(server, port)).code is code


async def test_the_auth_endpoint_is_right_and_got_the_token(server: Target) -> None:
    tokens: list[str] = []

    def signs(asked: Asked) -> Reply:
        tokens.append(asked.headers.get("authorization", ""))
        return _signs(asked)

    async with responder(signs) as port:
        findings = await _asked(server, port)
    assert told(findings)[-1] == "auth pass"
    assert tokens == ["Bearer the-token"] * 2


async def test_an_auth_endpoint_that_reads_forms_only_is_told(server: Target) -> None:
    def forms_only(asked: Asked) -> Reply:
        return _signs(asked) if "form" in asked.headers["content-type"] else Reply(422, "{}")

    async with responder(forms_only) as port:
        findings = await _asked(server, port)
    assert told(findings)[-2:] == ["auth pass", "auth.json warn RVB603"]


async def _asked(server: Target, port: int) -> list[Finding]:
    url = f"http://127.0.0.1:{port}/api/broadcasting/auth"
    inquiry = replace(QUICK, channel=f"private-{DRIVER}", auth_endpoint=url, bearer="the-token")
    findings = await found(server, inquiry)
    return [each for each in findings if each.check.startswith("auth")]
