"""The codes are the documented ones, and every refusal carries what the client and the log are told."""

import pytest

from reverb_py.protocol.errors import ErrorCode, PusherError, Refused, SubscriptionError, Unauthorized


def test_the_codes_are_those_of_the_protocol() -> None:
    """pp 2.1. Any other number would make a client give up, or come back for ever."""
    assert {code.name: code.value for code in ErrorCode} == {
        "TLS_ONLY": 4000,
        "UNKNOWN_APP": 4001,
        "APP_DISABLED": 4003,
        "OVER_QUOTA": 4004,
        "PATH_NOT_FOUND": 4005,
        "BAD_VERSION": 4006,
        "UNSUPPORTED_VERSION": 4007,
        "NO_VERSION": 4008,
        "UNAUTHORIZED": 4009,
        "OVER_CAPACITY": 4100,
        "RECONNECT": 4200,
        "NO_PONG": 4201,
        "RATE_LIMITED": 4301,
    }


def test_a_fault_without_a_code_of_its_own_has_none() -> None:
    error = PusherError("Invalid message format")
    assert (error.message, error.code, str(error)) == ("Invalid message format", None, "Invalid message format")


@pytest.mark.parametrize(
    ("error", "code", "type", "status"),
    [
        (SubscriptionError("presence-x", "no"), None, "InvalidRequest", 400),
        (SubscriptionError("presence-x", "no", type="LimitReached"), None, "LimitReached", 400),
        (Unauthorized("presence-x", "no"), ErrorCode.UNAUTHORIZED, "AuthError", 401),
    ],
)
def test_a_refused_subscription_names_its_channel_for_the_channels_own_listeners(
    error: SubscriptionError, code: ErrorCode | None, type: str, status: int
) -> None:
    assert (error.channel, error.code, error.type, error.status) == ("presence-x", code, type, status)


def test_a_failed_signature_begins_with_reverbs_sentence_and_keeps_what_was_sent_out_of_the_reason() -> None:
    error = Unauthorized("private-x", "Invalid signature: Expected …", got="58df8b0c")
    assert error.message == "Connection is unauthorized. Invalid signature: Expected …, but got 58df8b0c"
    assert error.reason == "Invalid signature: Expected …"


def test_a_refused_handshake_has_a_code_always() -> None:
    refused = Refused(ErrorCode.OVER_CAPACITY, "Server is over capacity")
    assert (refused.code, refused.message) == (4100, "Server is over capacity")
