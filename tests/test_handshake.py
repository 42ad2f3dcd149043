"""Who may open a WebSocket, and with which code everybody else is refused."""

from dataclasses import replace
from fnmatch import fnmatchcase
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.handshake import Handshake, _pattern, find_app
from reverb_py.hub.app import App, Apps, Credential
from reverb_py.protocol.errors import ErrorCode, Refused
from tests.fakes import APP

SECOND = App("4", (Credential("new", "s"), Credential("ö key", "s")))


def handshake(
    path: str = "/app/key", query: str = "protocol=7", origin: str | None = None, secure: bool | None = True
) -> Handshake:
    return Handshake(path, query, origin, secure)


def code(app: App, asked: Handshake) -> ErrorCode | None:
    """The code that refuses it, None when it may come in."""
    try:
        assert find_app(asked, Apps([app])) == app
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("path", "prefix", "app"),
    [
        ("/app/key", "", APP),
        ("/app/new", "", SECOND),
        ("/app/%C3%B6%20key", "", SECOND),
        ("/app/%6bey", "", APP),
        ("/ws/app/key", "/ws", APP),
        ("/a/b/app/key", "/a/b", APP),
    ],
)
def test_the_key_stands_behind_the_prefix(path: str, prefix: str, app: App) -> None:
    assert find_app(handshake(path), Apps([APP, SECOND]), prefix) is app


@pytest.mark.parametrize(
    ("path", "prefix", "refused"),
    [
        ("/", "", ErrorCode.PATH_NOT_FOUND),
        ("", "", ErrorCode.PATH_NOT_FOUND),
        ("/app", "", ErrorCode.PATH_NOT_FOUND),
        ("/app/", "", ErrorCode.PATH_NOT_FOUND),
        ("/app/key/", "", ErrorCode.PATH_NOT_FOUND),
        ("/app/key/more", "", ErrorCode.PATH_NOT_FOUND),
        ("//app/key", "", ErrorCode.PATH_NOT_FOUND),
        ("/apps/3/events", "", ErrorCode.PATH_NOT_FOUND),
        ("/ws/app/key", "", ErrorCode.PATH_NOT_FOUND),
        ("/app/key", "/ws", ErrorCode.PATH_NOT_FOUND),
        ("/wsx/app/key", "/ws", ErrorCode.PATH_NOT_FOUND),
        ("/app/other", "", ErrorCode.UNKNOWN_APP),
        ("/app/KEY", "", ErrorCode.UNKNOWN_APP),
        ("/app/key%2F", "", ErrorCode.UNKNOWN_APP),
        ("/app/key%00", "", ErrorCode.UNKNOWN_APP),
        ("/app/%ff", "", ErrorCode.UNKNOWN_APP),
    ],
)
def test_another_path_and_another_key_are_refused_apart(path: str, prefix: str, refused: ErrorCode) -> None:
    with pytest.raises(Refused) as answer:
        find_app(handshake(path), Apps([APP]), prefix)
    assert answer.value.code is refused


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("protocol=4", None),
        ("client=java-client&protocol=5&version=2.4.4", None),
        ("protocol=6", None),
        ("protocol=7&client=js&version=8.6.0&flash=false", None),
        ("", None),
        ("client=dart", None),
        ("protocol=%37", None),
        ("protocol=0", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=1", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=3", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=8", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=-7", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=99999999999", ErrorCode.UNSUPPORTED_VERSION),
        (f"protocol={'9' * 9_000}", ErrorCode.UNSUPPORTED_VERSION),
        ("protocol=", ErrorCode.BAD_VERSION),
        ("protocol=abc", ErrorCode.BAD_VERSION),
        ("protocol=7.0", ErrorCode.BAD_VERSION),
        ("protocol=7;", ErrorCode.BAD_VERSION),
        ("protocol=7%0A", ErrorCode.BAD_VERSION),
        ("protocol=%D9%A7", ErrorCode.BAD_VERSION),  # an Arabic seven
    ],
)
def test_protocol_4_to_7_is_spoken_and_none_is_taken_for_7(query: str, refused: ErrorCode | None) -> None:
    assert code(APP, handshake(query=query)) is refused


def test_a_strict_app_wants_a_version() -> None:
    strict = replace(APP, strict_protocol=True)
    assert code(strict, handshake(query="client=dart")) is ErrorCode.NO_VERSION
    assert code(strict, handshake(query="protocol=5")) is None


@pytest.mark.parametrize(
    ("secure", "refused"), [(True, None), (False, ErrorCode.TLS_ONLY), (None, None)], ids=["tls", "plain", "unknown"]
)
def test_tls_is_demanded_of_those_only_who_certainly_have_none(secure: bool | None, refused: ErrorCode | None) -> None:
    """pusher-js comes back 310 times a second after 4000, if it is behind a proxy that speaks TLS for us."""
    assert code(replace(APP, force_tls=True), handshake(secure=secure)) is refused
    assert code(APP, handshake(secure=secure)) is None


@pytest.mark.parametrize(
    ("allowed", "origin", "enters"),
    [
        (("*",), None, True),
        (("*",), "https://evil.example", True),
        (("a.example", "*"), "nonsense", True),
        (("a.example",), "https://a.example", True),
        (("a.example",), "http://a.example:3000", True),
        (("a.example",), "https://A.Example/path?x", True),
        (("A.Example",), "https://a.example", True),
        (("a.example",), "https://b.example", False),
        (("a.example",), "https://a.example.evil.example", False),
        (("a.example",), "https://xa.example", False),
        (("a.example",), "https://axexample", False),
        (("a.example",), "https://b.example/a.example", False),
        (("a.example",), "https://a.example@b.example", False),
        (("*.a.example",), "https://x.a.example", True),
        (("*.a.example",), "https://x.y.a.example", True),
        (("*.a.example",), "https://a.example", False),
        (("*.a.example",), "https://xa.example", False),
        (("shop*.example",), "https://shop-7.example", True),
        (("*.a.*.example",), "https://x.a.y.a.example", True),
        (("bücher.example",), "https://xn--bcher-kva.example", True),
        (("*.bücher.example",), "https://a.xn--bcher-kva.example", True),
        (("bücher.example",), "https://bücher.example", True),
        (("bücher.example",), "https://bucher.example", False),
        (("ü" * 80 + ".example",), "https://a.example", False),
        (("localhost",), "http://localhost:5173", True),
        (("::1",), "http://[::1]:3000", True),
        (("a.example",), None, False),
        (("a.example",), "", False),
        (("a.example",), "null", False),
        (("a.example",), "a.example", False),
        (("a.example",), "https://[", False),
        ((), "https://a.example", False),
    ],
)
def test_the_host_of_the_origin_is_compared_and_nothing_else_of_it(
    allowed: tuple[str, ...], origin: str | None, enters: bool
) -> None:
    refused = code(replace(APP, allowed_origins=allowed), handshake(origin=origin))
    assert refused is (None if enters else ErrorCode.UNAUTHORIZED)


def test_the_first_thing_wrong_is_told_in_the_documented_order() -> None:
    """Path, key, disabled, TLS, version, origin (pp 2.2)."""
    app = replace(APP, enabled=False, force_tls=True, allowed_origins=())
    asked = handshake(path="/nowhere", query="protocol=3", secure=False)
    told = [code(app, asked)]
    asked = replace(asked, path="/app/other")
    told.append(code(app, asked))
    asked = replace(asked, path="/app/key")
    told.append(code(app, asked))
    app = replace(app, enabled=True)
    told.append(code(app, asked))
    asked = replace(asked, secure=True)
    told.append(code(app, asked))
    asked = replace(asked, query="")
    told.append(code(app, asked))
    assert told == [4005, 4001, 4003, 4000, 4007, 4009]


def test_a_long_key_is_not_repeated_whole() -> None:
    with pytest.raises(Refused) as refused:
        find_app(handshake("/app/" + "x" * 9_000), Apps([APP]))
    assert len(refused.value.message) < 123  # what a close frame can say


def test_a_secret_used_as_the_key_is_neither_repeated_nor_logged() -> None:
    with pytest.raises(Refused) as refused:
        find_app(handshake("/app/hunter2"), Apps([APP]))
    assert (refused.value.code, refused.value.names_secret) == (ErrorCode.UNKNOWN_APP, True)
    assert "hunter2" not in refused.value.message


def test_an_origin_longer_than_a_host_can_be_fits_no_pattern() -> None:
    app = replace(APP, allowed_origins=("*a*a*.example.com",))
    assert code(app, handshake("/app/key", origin="https://" + ".a" * 15_000)) is ErrorCode.UNAUTHORIZED


@pytest.mark.parametrize(
    ("allowed", "host"),
    [("*-*-*-*.example.com", "-" * 250), ("*.*.*.*.*.example.com", ".".join("a" * 126)), ("*a*a*a*a*a*b", "a" * 250)],
)
def test_a_pattern_of_many_stars_is_judged_at_once(allowed: str, host: str) -> None:
    """Tried in every way, the second one takes minutes."""
    app = replace(APP, allowed_origins=(allowed,))
    began = perf_counter()
    assert code(app, handshake(origin=f"https://{host}")) is ErrorCode.UNAUTHORIZED
    assert perf_counter() - began < 0.5


@given(st.text("a*.", max_size=8), st.text("ab.", min_size=1, max_size=12))
def test_stars_stand_for_what_they_stand_for_in_shells(allowed: str, host: str) -> None:
    assert bool(_pattern(allowed).fullmatch(host)) is fnmatchcase(host, allowed)
