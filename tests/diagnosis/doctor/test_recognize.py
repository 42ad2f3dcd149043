"""Who gave an answer: the texts of the servers, as they send them."""

import pytest

from reverb_py.diagnosis.doctor.exchange import Answer
from reverb_py.diagnosis.doctor.recognize import is_api, is_challenge, is_health, json_object, who
from reverb_py.diagnosis.doctor.visit import Server

HTML = {"content-type": "text/html"}


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, 1)


@pytest.mark.parametrize(
    ("given", "server"),
    [
        (answer(404, "No matching application for ID [7]."), Server.REVERB),
        (answer(401, "Authentication signature invalid."), Server.REVERB),
        (answer(401, "Authentication signature invalid. [RVB211] Missing parameter: auth_key."), Server.REVERB_PY),
        (answer(200, "{}", x_powered_by="reverb-py"), Server.REVERB_PY),
        (answer(101, "", x_powered_by="Laravel Reverb"), Server.REVERB),
        (answer(404, '{"error":"The app 7 could not be found.","code":404}'), Server.SOKETI),
        (answer(401, '{"error":"The secret authentication failed","code":401}'), Server.SOKETI),
        (answer(401, "Missing parameter: auth_key\n"), Server.PUSHER),
        (answer(400, "Unknown auth_key"), Server.PUSHER),
        (answer(401, 'Invalid signature: you should have sent HmacSHA256Hex("GET…", your_secret_key)'), Server.PUSHER),
        (answer(404, '{"message":"Not Found"}'), None),
        (answer(404, "<!DOCTYPE html>No matching application for ID [7]."), None),
        (answer(404), None),
    ],
)
def test_a_server_is_known_by_its_texts(given: Answer, server: Server | None) -> None:
    assert who(given) is server


@pytest.mark.parametrize(
    ("given", "may_be"),
    [
        (answer(401, "Unauthorized"), True),  # a server that is not known
        (answer(404, '{"error":"no such app"}'), True),
        (answer(404, "Not Found"), False),
        (answer(200, '{"channels":{}}'), False),  # without a signature
        (answer(403, "<html>", content_type="text/html"), False),
    ],
)
def test_an_unknown_server_may_be_one_of_the_protocol(given: Answer, may_be: bool) -> None:
    assert is_api(given) is may_be


def test_a_challenge_is_a_page_or_a_header() -> None:
    assert is_challenge(answer(403, cf_mitigated="challenge"))
    assert is_challenge(answer(503, "<!DOCTYPE html><title>Just a moment...</title>"))
    assert not is_challenge(answer(401, "Just a moment..."))


@pytest.mark.parametrize("text", ["", "[]", "nothing", "[" * 100_000, '"OK"', "null"])
def test_what_is_no_object_is_an_empty_one(text: str) -> None:
    assert json_object(text) == {}
    assert not is_health(answer(200, text))
