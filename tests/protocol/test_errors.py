"""The codes are the documented ones, and every refusal carries what the client and the log are told."""

import pytest

from reverb_py.protocol.errors import ErrorCode, PusherError, Refused, SubscriptionError, Unauthorized

# pp 2.1. Any other number would make a client give up, or come back for ever.
DOCUMENTED = {4000, 4001, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4100, 4200, 4201, 4202, 4301, 4302}


def test_no_code_is_invented() -> None:
    assert {int(code) for code in ErrorCode} <= DOCUMENTED


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
