"""Which app a request speaks for, decided on its head alone; and what is said to one that speaks for none."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from reverb_py import codes
from reverb_py.conformance.signing import request_signature
from reverb_py.hub import facts
from reverb_py.hub.app import App, Credential
from reverb_py.transports.http_auth import INVALID, Authenticator, Head, Refusal
from tests.fakes import World

NOW = 1_353_088_179.0  # Unix seconds, of the documentation's example (pp 7.9)
SECRET, OLD_SECRET = "7ad3773142a6692b25b8", "the secret before"
APP = App("3", (Credential("278d425bdf160c739803", SECRET), Credential("old-key", OLD_SECRET)))
DISABLED = App("4", (Credential("disabled", "disabled's secret"),), enabled=False)
EVENTS = "/apps/3/events"
MD5 = "ec365a775a4cd0599faeb73354201b6f"

Parameters = Mapping[str, str]


class Case:
    """A server's side, and the publisher's: `ask` signs and is authenticated."""

    def __init__(self, tolerance: float = 600, prefix: str = "") -> None:
        self.world = World(APP, DISABLED)
        self.authenticator = Authenticator(
            self.world.node, prefix=prefix, tolerance=tolerance, clock=lambda: self.world.clock.now + NOW - 1_000
        )

    def ask(
        self,
        changes: Mapping[str, str | None] | None = None,
        *,
        app_id: str = "3",
        path: str = EVENTS,
        signed_path: str | None = None,
        secret: str = SECRET,
        signature: str | None = None,
        has_body: bool = True,
    ) -> tuple[App, Parameters]:
        """Authenticate a publish, whose parameters are changed before it is signed; None takes one away."""
        usual = {"auth_key": APP.key, "auth_timestamp": f"{NOW:.0f}", "auth_version": "1.0", "body_md5": MD5}
        sent = {name: value for name, value in {**usual, **(changes or {})}.items() if value is not None}
        if signature is None:
            signature = request_signature(secret, "POST", signed_path or path, sent)
        if signature:
            sent["auth_signature"] = signature
        return self.authenticator.authenticate(app_id, Head("POST", path, urlencode(sent), has_body))

    def refusal(self, *arguments: Mapping[str, str | None], **more: object) -> Refusal:
        with pytest.raises(Refusal) as refused:
            self.ask(*arguments, **more)  # type: ignore[arg-type]  # as the case says
        return refused.value


def test_the_documented_request_is_accepted_byte_for_byte() -> None:
    signature = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
    app, parameters = Case().ask(signature=signature)
    assert app is APP
    assert parameters["body_md5"] == MD5


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
@pytest.mark.parametrize("key", [APP.key, "old-key"])
def test_every_live_secret_signs_with_every_key_of_its_app(secret: str, key: str) -> None:
    case = Case()
    assert case.ask({"auth_key": key}, secret=secret)[0] is APP
    assert case.world.told(facts.Noticed) == []


@pytest.mark.parametrize("key", ["", "another", DISABLED.key])
def test_the_secret_proves_the_app_and_another_key_is_a_warning(key: str) -> None:
    case = Case()
    assert case.ask({"auth_key": key})[0] is APP
    (noticed,) = case.world.told(facts.Noticed)
    assert isinstance(noticed, facts.Noticed)
    assert (noticed.app_id, noticed.code, repr(key) in noticed.what) == ("3", codes.WRONG_KEY, True)


def test_names_of_auth_parameters_are_told_in_lower_case_however_they_came() -> None:
    changes = {"AUTH_KEY": APP.key, "auth_key": None, "Body_MD5": MD5, "body_md5": None, "Info": "x"}
    _, parameters = Case().ask(changes)
    assert (parameters["auth_key"], parameters["body_md5"], parameters["Info"]) == (APP.key, MD5, "x")


# Refusals.


@pytest.mark.parametrize(
    ("changes", "more", "status", "code", "says"),
    [
        ({}, {"app_id": "5"}, 404, codes.UNKNOWN_APP, "No matching application for ID [5]."),
        ({}, {"app_id": "x" * 300}, 404, codes.UNKNOWN_APP, f"[{'x' * 100}]"),
        ({}, {"secret": "another"}, 401, codes.WRONG_SECRET, "You should have sent HmacSHA256Hex"),
        ({}, {"secret": DISABLED.secrets[0]}, 401, codes.WRONG_SECRET, ""),
        ({}, {"signed_path": "/apps/4/events"}, 401, codes.WRONG_SECRET, ""),
        ({}, {"signature": ""}, 401, codes.INVALID_REQUEST, "Missing parameter: auth_signature."),
        ({"auth_key": None}, {}, 401, codes.INVALID_REQUEST, "Missing parameter: auth_key."),
        ({"auth_timestamp": None}, {}, 401, codes.INVALID_REQUEST, "Missing parameter: auth_timestamp."),
        (
            {"auth_version": None, "auth_key": None},
            {},
            401,
            codes.INVALID_REQUEST,
            "Missing parameter: auth_key, auth_version.",
        ),
        ({"auth_version": "2.0"}, {}, 401, codes.INVALID_REQUEST, "auth_version must be 1.0"),
        ({"body_md5": None}, {}, 401, codes.INVALID_REQUEST, "Missing parameter: body_md5"),
        ({}, {"app_id": "4", "secret": SECRET}, 401, codes.WRONG_SECRET, ""),
        ({}, {"app_id": "4", "secret": DISABLED.secrets[0]}, 403, codes.OVER_QUOTA, "Application is disabled."),
    ],
)
def test_a_refusal_says_which_of_its_reasons_it_was(
    changes: Mapping[str, str | None], more: Mapping[str, object], status: int, code: codes.Code, says: str
) -> None:
    refusal = Case().refusal(changes, **more)
    assert (refusal.status, refusal.code) == (status, code)
    assert says in refusal.text


def test_a_request_without_any_signature_asks_for_the_proxy() -> None:
    refusal = Case().refusal({"auth_key": None, "auth_timestamp": None, "auth_version": None}, signature="")
    assert (refusal.status, refusal.code) == (401, codes.QUERY_DROPPED)


def test_a_refusal_begins_with_reverbs_sentence_then_the_code_the_reason_and_what_to_do() -> None:
    text = Case().refusal({"auth_version": "2"}).text
    code = codes.INVALID_REQUEST
    assert text == f"{INVALID} [{code.id}] Version not supported: auth_version must be 1.0. {code.fix}"


def test_a_refusal_without_a_code_is_its_sentence() -> None:
    assert Refusal(405, "Method not allowed.").text == "Method not allowed."


def test_what_should_have_been_signed_can_be_compared_and_is_no_secret() -> None:
    wrong = request_signature("another", "POST", EVENTS, {})
    text = Case().refusal({"info": "a,b"}, signature=wrong).text
    assert f'"POST\\n{EVENTS}\\nauth_key={APP.key}&auth_timestamp=' in text
    assert "info=a,b" in text
    assert all(hidden not in text for hidden in (SECRET, OLD_SECRET, wrong, "\n"))


def test_what_should_have_been_signed_is_shown_in_part_when_it_is_long() -> None:
    assert len(Case().refusal({"info": "x" * 30_000}, signature="0").text) < 1_000


def test_the_signature_is_checked_before_anything_that_a_stranger_could_learn_from() -> None:
    old = {"auth_timestamp": "0"}
    assert Case().refusal(old, signature="0").code is codes.WRONG_SECRET
    assert Case().refusal(old).code is codes.CLOCK_SKEW


# Time.


@pytest.mark.parametrize(
    ("off", "tolerance", "accepted"),
    [
        (0, 600, True),
        (600, 600, True),
        (-600, 600, True),
        (601, 600, False),
        (-601, 600, False),
        (10, 5, False),
        (-NOW, 0, True),
        (1e9, 0, True),
    ],
)
def test_a_request_is_accepted_within_the_tolerance_and_0_switches_the_check_off(
    off: float, tolerance: float, accepted: bool
) -> None:
    timestamp = {"auth_timestamp": f"{NOW + off:.0f}"}
    if accepted:
        assert Case(tolerance).ask(timestamp)[0] is APP
        return
    refusal = Case(tolerance).refusal(timestamp)
    assert refusal.code is codes.CLOCK_SKEW
    assert f"{NOW + off:.0f}" in refusal.text
    assert f"{NOW:.0f}" in refusal.text


@pytest.mark.parametrize("timestamp", ["", "now", "1.5", "1e9", "0x10", "9" * 400, "9" * 20_000])
@pytest.mark.parametrize("tolerance", [600, 0])
def test_a_timestamp_that_is_no_time_is_refused_whatever_the_tolerance(timestamp: str, tolerance: float) -> None:
    refusal = Case(tolerance).refusal({"auth_timestamp": timestamp})
    assert (refusal.status, refusal.code) == (401, codes.CLOCK_SKEW)
    assert len(refusal.text) < 1_000


# Paths.


@pytest.mark.parametrize("signed_path", [EVENTS, f"/ws{EVENTS}"])
def test_behind_a_prefix_the_path_may_be_signed_with_and_without_it(signed_path: str) -> None:
    assert Case(prefix="/ws").ask(path=f"/ws{EVENTS}", signed_path=signed_path)[0] is APP


def test_the_app_of_a_path_without_one_is_found_by_its_key() -> None:
    found = Case().authenticator.app_of_key
    assert (found("auth_key=old-key"), found("auth_key=nobodys"), found("")) == (APP, None, None)
