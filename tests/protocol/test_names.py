"""Which names are allowed, and what kind of channel a name makes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.protocol.names import (
    SERVER_TO_USER,
    is_cache,
    is_channel,
    is_encrypted,
    is_presence,
    is_reserved_event,
    is_user_id,
    looks_guarded,
    needs_authorization,
    user_of,
)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("my-channel", True),
        ("private-customer.100.driver-location", True),
        ("A-Za_-=@,.;0", True),
        ("-", True),
        ("PRIVATE-x", True),
        ("x" * 164, True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("", False),
        (" ", False),
        ("a b", False),
        ("a/b", False),
        ("a*", False),
        ("é", False),
        ("٣", False),
        ("a\n", False),
        ("a\x00", False),
        ("a#b", False),
        ("#foo", False),
        ("#server-to-users", False),
        ("#server-to-user-", False),
        ("#server-to-user-7", True),
        ("#server-to-user-#server-to-user-7", False),
        ("x#server-to-user-7", False),
        ('private-x:{"user_id":"admin"}', False),
        (':user:{"id":"admin"}', False),
    ],
)
def test_a_channel_may_have_this_name(name: str, allowed: bool) -> None:
    assert is_channel(name) is allowed


def test_a_server_may_allow_shorter_or_longer_names() -> None:
    assert not is_channel("x" * 165, 164)
    assert is_channel("x" * 201, 201)


@given(st.text(max_size=210))
def test_a_channel_name_is_of_the_documented_alphabet(name: str) -> None:
    """So that it may stand in JSON, in a path and in a log line as it is."""
    documented = re.fullmatch(r"(#server-to-user-)?[-a-zA-Z0-9_=@,.;]+", name) is not None and len(name) <= 200
    assert is_channel(name) == documented


@given(st.text(max_size=40))
def test_no_channel_lets_its_signature_pass_for_a_sign_in(user_data: str) -> None:
    """An auth endpoint that signs any name signs `socket_id:name`; a sign-in is `socket_id::user::user_data`."""
    assert not is_channel(f":user::{user_data}")
    assert not is_channel(f"private-x:{user_data}")


@pytest.mark.parametrize(
    ("channel", "kinds"),
    [
        ("my-channel", set()),
        ("private-x", {"guarded"}),
        ("private-", {"guarded"}),
        ("presence-x", {"guarded", "presence"}),
        ("cache-x", {"cache"}),
        ("private-cache-x", {"guarded", "cache"}),
        ("presence-cache-x", {"guarded", "presence", "cache"}),
        ("private-encrypted-x", {"guarded", "encrypted"}),
        ("private-encrypted-cache-x", {"guarded", "encrypted", "cache"}),
        ("presence-encrypted-x", {"guarded", "presence"}),
        ("privatefoo", set()),
        ("presencefoo", set()),
        ("cachefoo", set()),
        ("private", set()),
        ("PRIVATE-x", set()),
        ("Presence-x", set()),
        ("my-private-x", set()),
        ("private-cachex", {"guarded"}),
        ("private-encryptedx", {"guarded"}),
        ("cache-private-x", {"cache"}),
        ("#server-to-user-private-x", set()),
    ],
)
def test_the_longest_prefix_decides_the_kind_dash_included(channel: str, kinds: set[str]) -> None:
    predicates = {
        "guarded": needs_authorization,
        "presence": is_presence,
        "encrypted": is_encrypted,
        "cache": is_cache,
    }
    assert {kind for kind, is_of in predicates.items() if is_of(channel)} == kinds


@pytest.mark.parametrize(
    ("channel", "looks"),
    [
        ("privatefoo", True),
        ("presencefoo", True),
        ("cachefoo", True),
        ("private", True),
        ("private_x", True),
        ("private-x", False),
        ("private-cachefoo", False),
        ("cache-x", False),
        ("my-privatefoo", False),
        ("PrivateFoo", False),
    ],
)
def test_a_prefix_without_its_dash_is_noticed(channel: str, looks: bool) -> None:
    """Reverb compares without it, so that somebody may have counted on a guard or a cache."""
    assert looks_guarded(channel) is looks


@pytest.mark.parametrize(
    ("channel", "user_id"),
    [
        ("#server-to-user-7", "7"),
        ("#server-to-user-a=b@c", "a=b@c"),
        ("server-to-user-7", None),
        ("private-x", None),
    ],
)
def test_the_user_of_a_channel_stands_in_its_name(channel: str, user_id: str | None) -> None:
    assert user_of(channel) == user_id


@pytest.mark.parametrize(
    ("user_id", "allowed"),
    [("7", True), ("ann@example.com", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a b", False)],
)
def test_a_user_may_sign_in_with_this_id(user_id: str, allowed: bool) -> None:
    assert is_user_id(user_id) is allowed


@given(st.from_regex(r"[-a-zA-Z0-9_=@,.;]{1,128}", fullmatch=True))
def test_every_signed_in_user_has_a_channel_of_its_own(user_id: str) -> None:
    assert is_user_id(user_id)
    assert is_channel(SERVER_TO_USER + user_id)
    assert user_of(SERVER_TO_USER + user_id) == user_id


@pytest.mark.parametrize(
    ("event", "reserved"),
    [
        ("pusher:error", True),
        ("pusher_internal:member_added", True),
        ("pusher", False),
        ("Pusher:error", False),
        ("client-pusher:error", False),
        ("App\\Events\\pusher:x", False),
    ],
)
def test_the_protocols_own_events_are_known_by_their_prefix(event: str, reserved: bool) -> None:
    assert is_reserved_event(event) is reserved
