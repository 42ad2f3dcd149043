"""`reverb-py sign`: signatures that a server takes, and the reason why one does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reverb_py.cli.verifying import Judgement, Request, verify
from reverb_py.client.api import Api
from reverb_py.client.signing import Credentials, sign_request, user_auth
from reverb_py.client.socket import connect
from tests.cli.conftest import Command
from tests.client.serving import APP, ENV

NOW = 1_700_000_000.0
PATH = "/apps/417/events"
BODY = b'{"name":"a"}'
SUCCEEDED = "pusher_internal:subscription_succeeded"

# Signing.


@pytest.mark.parametrize(
    ("channel", "data", "text"),
    [
        ("private-a", None, ":private-a"),
        ("presence-a", '{"user_id":"7"}', ':presence-a:{"user_id":"7"}'),
    ],
)
async def test_a_server_takes_the_signature_of_a_channel(
    command: Command, url: str, channel: str, data: str | None, text: str
) -> None:
    async with connect(url.replace("http", "ws"), APP.key) as socket:
        options = ("--data", data) if data else ()
        result = command("sign", "channel", socket.socket_id, channel, *options, "--json", env=ENV)
        found = json.loads(result.stdout)
        answer = await socket.join(channel, found["auth"], data)
        assert found["signed"] == socket.socket_id + text
    assert answer.event == SUCCEEDED


def test_a_server_takes_the_signature_of_a_request(command: Command, url: str, place: Path) -> None:
    (place / "event.json").write_bytes(b'{"name":"e","channels":["a"],"data":"{}"}\n')
    result = command("sign", "http", "post", PATH, "--body", "@event.json", "--json", env=ENV)
    found = json.loads(result.stdout)
    assert found["signed"].startswith(f"POST\n{PATH}\nauth_key={APP.key}&")
    with Api(url, APP) as api:
        assert api.raw("POST", f"{PATH}?{found['query']}", (place / "event.json").read_bytes()).status == 200


def test_the_query_of_a_path_is_signed_too(command: Command, url: str) -> None:
    found = json.loads(command("sign", "http", "GET", "/apps/417/channels?info=user_count", "--json", env=ENV).stdout)
    with Api(url, APP) as api:
        assert api.raw("GET", f"/apps/417/channels?{found['query']}").status == 200


def test_a_sign_in_is_signed_and_its_text_is_shown_without_the_secret(command: Command) -> None:
    result = command("sign", "user", "1.2", '{"id":"7"}', env=ENV)
    assert result.stdout.splitlines() == ['1.2::user::{"id":"7"}', user_auth(APP, "1.2", '{"id":"7"}')]
    assert APP.secret not in result.output


# Verifying.


def judge(signed_by: Credentials = APP, **changes: str) -> Judgement:
    """A publish that somebody signed, and that arrives with these changes."""
    at = float(changes.pop("now", NOW))
    signed = sign_request(
        signed_by, changes.pop("signed_method", "POST"), changes.pop("signed_path", PATH), body=BODY, now=NOW
    )
    body = changes.pop("body", BODY.decode()).encode()
    path, method = changes.pop("path", PATH), changes.pop("method", "POST")
    parameters = {**signed.parameters, **changes}
    return verify(Request(method, path, {name: value for name, value in parameters.items() if value}, body), APP, at)


def test_a_signature_that_fits_needs_no_note() -> None:
    assert judge() == Judgement(True, False, judge().text, ())


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (f"{APP.secret}\n", "a blank or a line end behind it"),
        (f" {APP.secret}", "a blank before it"),
        (f'"{APP.secret}"', "with quotes around it"),
        (APP.key, "the key instead of the secret"),
        (APP.secret.upper(), "no usual mistake explains it"),
    ],
)
def test_another_form_of_the_secret_is_recognized(secret: str, says: str) -> None:
    found = judge(replace(APP, secret=secret))
    assert not found.fits
    assert says in " ".join(found.notes)
    assert APP.secret not in " ".join(found.notes)


@pytest.mark.parametrize(
    ("changes", "fits", "says"),
    [
        ({"path": f"/ws{PATH}"}, False, "without the path prefix /ws"),
        ({"signed_path": f"/ws{PATH}"}, False, "with the path prefix /ws, which was lost on the way (RVB211)"),
        ({"method": "GET", "body": ""}, False, "it was signed for POST, and this is a GET (RVB204)"),
        ({"path": f"{PATH}/"}, False, "a slash was added"),
        ({"added": "1"}, False, "added was added after it was signed"),
        ({"body": '{"name":"b"}'}, True, "body_md5 is another body's"),
        ({"body": '{"name":"a"}\n'}, True, "without its last line end it fits"),
        ({"body_md5": ""}, False, "missing: body_md5"),
        ({"auth_signature": ""}, False, "missing: auth_signature (RVB211)"),
        ({"auth_version": ""}, False, "missing: auth_version"),
        ({"now": "1700000700"}, True, "auth_timestamp is 700 s in the past (RVB305)"),
        ({"now": "1699999000"}, True, "auth_timestamp is 1000 s in the future (RVB305)"),
    ],
)
def test_what_changed_on_the_way_is_recognized(changes: dict[str, str], fits: bool, says: str) -> None:
    found = judge(APP, **changes)
    assert found.fits is fits
    assert says in " ".join(found.notes)


def test_another_key_is_noted_though_the_signature_fits() -> None:
    found = judge(replace(APP, key="another"))
    assert (found.fits, found.is_refused) == (True, False)
    assert f"auth_key is another, and this app's is {APP.key} (RVB303)" in found.notes[0]


def test_the_request_that_arrived_is_judged_as_it_stands_in_a_log(command: Command) -> None:
    result = command("sign", "verify", "/apps/417/events", env=ENV)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "✖ the signature does not fit"
    assert "nothing of a signature is there" in result.stdout
    assert "RVB211" in result.stdout


def test_what_sign_http_made_fits_for_sign_verify(command: Command) -> None:
    query = json.loads(command("sign", "http", "GET", "/apps/417/channels", "--json", env=ENV).stdout)["query"]
    address = f"https://ws.example.com/apps/417/channels?{query}"
    result = command("sign", "verify", address, "--method", "get", "--json", env=ENV)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["fits"] is True


# Swapped, and not checked.


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_secret_in_the_keys_place_is_not_printed_but_named(command: Command, options: tuple[str, ...]) -> None:
    swapped = sign_request(replace(APP, key=APP.secret, secret=APP.key), "GET", "/apps/417/channels", now=NOW)
    address = f"/apps/417/channels?{swapped.query}"
    result = command("sign", "verify", address, "--method", "GET", *options, env=ENV)
    assert result.exit_code == 1
    assert "key and secret are swapped" in result.stdout
    assert APP.secret not in result.output


@pytest.mark.parametrize("prefix", ["", "/ws"])
def test_the_address_that_is_printed_is_whole_and_fits(command: Command, prefix: str) -> None:
    env = {**ENV, "REVERB_HOST": "h", "REVERB_SERVER_PATH": prefix}
    address = command("sign", "http", "GET", "/apps/417/channels?info=user_count", env=env).stdout.splitlines()[-1]
    assert address.startswith(f"'https://h:443{prefix}/apps/417/channels?info=user_count&auth_key={APP.key}&")
    result = command("sign", "verify", address.strip("'"), "--method", "GET", env=env)
    assert (result.exit_code, result.stdout) == (0, "✔ the signature fits\n")


def test_another_body_is_told_in_the_first_line(command: Command) -> None:
    query = json.loads(command("sign", "http", "POST", PATH, "--body", "{}", "--json", env=ENV).stdout)["query"]
    other = command("sign", "verify", f"{PATH}?{query}", "--body", '{"a":1}', env=ENV)
    assert other.exit_code == 1
    assert other.stdout.startswith("✖ the body is another one than was signed\n")
    unchecked = command("sign", "verify", f"{PATH}?{query}", env=ENV)
    assert unchecked.exit_code == 0
    assert unchecked.stdout.splitlines() == [
        "✔ the signature fits",
        "  the body was not checked: give it by --body @file",
    ]


def test_what_is_no_address_is_a_usage_error(command: Command) -> None:
    result = command("sign", "verify", "nonsense", env=ENV)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("URL must be")
