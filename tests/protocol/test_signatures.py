"""Published vectors (pp 3.4, pp 7.9, rb Appendix B): the text that is signed, and the signature over it."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.protocol.signatures import (
    channel_text,
    matches,
    parse_query,
    request_text,
    request_texts,
    sign,
    user_text,
    values_of,
)

PUSHER = "7ad3773142a6692b25b8"
REVERB = "reverb-secret"

MR_CHANNELS = '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'
MR_PUSHER = '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}'
ANN = '{"user_id":"u1","user_info":{"name":"Ann"}}'
JO = '{"user_id":"7","user_info":{"name":"Jo"}}'
ESCAPED = r'{"user_id":"7","user_info":{"name":"\u00e9\/"}}'
WATCHER = '{"id":"u1","user_info":{"name":"Ann"},"watchlist":["u2","u3"]}'


@pytest.mark.parametrize(
    ("secret", "text", "written", "signature"),
    [
        (
            PUSHER,
            channel_text("1234.1234", "private-foobar"),
            "1234.1234:private-foobar",
            "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
        ),
        (
            PUSHER,
            channel_text("1234.1234", "presence-foobar", MR_CHANNELS),
            '1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
            "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
        ),
        (
            PUSHER,
            channel_text("1234.1234", "presence-foobar", MR_PUSHER),
            '1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Pusher"}}',
            "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
        ),
        (
            PUSHER,
            channel_text("1234.1234", "presence-room", ANN),
            '1234.1234:presence-room:{"user_id":"u1","user_info":{"name":"Ann"}}',
            "47b86687774d1334e979dfb106d4a331bc5ddbf060f2c450e6a286dc9d425d8b",
        ),
        (
            PUSHER,
            channel_text("1234.1234", "presence-room"),
            "1234.1234:presence-room",
            "0404d01f91e71f65147861011ec40b32e46f6c505cb9be660554c494ce9a226b",
        ),
        (
            PUSHER,
            channel_text("1234.1234", "private-encrypted-test"),
            "1234.1234:private-encrypted-test",
            "6acb79a37e5accae226d86003eed32535d8c78bcf31c04f719d6b083d1e3c21e",
        ),
        (
            PUSHER,
            user_text("1234.1234", '{"id":"12345"}'),
            '1234.1234::user::{"id":"12345"}',
            "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
        ),
        (
            PUSHER,
            user_text("1234.1234", WATCHER),
            '1234.1234::user::{"id":"u1","user_info":{"name":"Ann"},"watchlist":["u2","u3"]}',
            "516337f335ace48da6cc1070214c8d4a5b7f5abd7abd8a49a3b07515913034e1",
        ),
        (
            REVERB,
            channel_text("1234.5678", "private-orders.1"),
            "1234.5678:private-orders.1",
            "163204fc4602d2b55ad4990db56397bff53b079c23904d3946f2ca7ff9ea59f0",
        ),
        (
            REVERB,
            channel_text("1234.5678", "presence-room.2", JO),
            '1234.5678:presence-room.2:{"user_id":"7","user_info":{"name":"Jo"}}',
            "a2460a8e9bf53464f1d3f2cc72fc3b44a331900b36538d21a191bac2a703549c",
        ),
        (
            REVERB,
            channel_text("1234.5678", "presence-room.2", ESCAPED),
            r'1234.5678:presence-room.2:{"user_id":"7","user_info":{"name":"\u00e9\/"}}',
            "4511dcd63e2c3877c45c99cd2f49758c0f35b82b33750b09a401c1937e6b3477",
        ),
        (
            REVERB,
            user_text("1234.5678", '{"id":"7","user_info":{"n":1}}'),
            '1234.5678::user::{"id":"7","user_info":{"n":1}}',
            "01568ceaf0158319ea1c0dac52b43784bcacebc2a40be20ff1d4ac3255ebadd7",
        ),
    ],
)
def test_channels_and_users_are_signed_as_published(secret: str, text: str, written: str, signature: str) -> None:
    """pp-91: the text is the one that is published, and so is the signature over it."""
    assert text == written
    assert sign(secret, text) == signature
    assert matches([secret], text, signature)


PUSHER_AUTH = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
REVERB_AUTH = "auth_key=reverb-key&auth_timestamp=1700000000&auth_version=1.0"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
BRACES_MD5 = "99914b932bd37a50b983c5e7c90ae93b"


@pytest.mark.parametrize(
    ("secret", "method", "path", "query", "signed", "signature"),
    [
        (
            *(PUSHER, "POST", "/apps/3/events", f"{PUSHER_AUTH}&body_md5=ec365a775a4cd0599faeb73354201b6f"),
            f"{PUSHER_AUTH}&body_md5=ec365a775a4cd0599faeb73354201b6f",
            "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
        ),
        (
            *(PUSHER, "GET", "/apps/3/channels", f"info=user_count&filter_by_prefix=presence-&{PUSHER_AUTH}"),
            f"{PUSHER_AUTH}&filter_by_prefix=presence-&info=user_count",
            "16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
        ),
        (
            *(PUSHER, "GET", "/apps/3/channels"),
            f"{PUSHER_AUTH}&filter_by_prefix=presence-&info=user_count&body_md5={EMPTY_MD5}",
            f"{PUSHER_AUTH}&body_md5={EMPTY_MD5}&filter_by_prefix=presence-&info=user_count",
            "f3f17c61ae491cc9085db68b22076e9b772e3bcb301659d655153ee3f9782aba",
        ),
        (
            *(PUSHER, "POST", "/apps/3/users/u1/terminate_connections", f"{PUSHER_AUTH}&body_md5={BRACES_MD5}"),
            f"{PUSHER_AUTH}&body_md5={BRACES_MD5}",
            "61efad5e9fe693a686a71ff197d9770bd2c257d87ce961f4efda2dae952c4345",
        ),
        (
            *(REVERB, "POST", "/apps/123456/events", f"{REVERB_AUTH}&body_md5=8b23c0b2470e4a0670c309df900ed2b6"),
            f"{REVERB_AUTH}&body_md5=8b23c0b2470e4a0670c309df900ed2b6",
            "309766b2a01c9be740555990852aa0cac841c0819d0b7b3b6cde75c6e166bc50",
        ),
        (
            *(REVERB, "GET", "/apps/123456/channels"),
            f"{REVERB_AUTH}&filter_by_prefix=presence-&info=user_count%2Csubscription_count",
            f"{REVERB_AUTH}&filter_by_prefix=presence-&info=user_count,subscription_count",
            "22f404bb9f60362ac112637e9ebdbdfa9557923685d30b478ef3e7903c1af65b",
        ),
        (
            *(REVERB, "POST", "/apps/123456/users/42/terminate_connections", f"{REVERB_AUTH}&body_md5={BRACES_MD5}"),
            f"{REVERB_AUTH}&body_md5={BRACES_MD5}",
            "9a89cb19db84a143d2a6064f9b55a7fc0200554e96876f5e9e99a68b25c5f032",
        ),
    ],
)
def test_requests_are_signed_as_published(
    secret: str, method: str, path: str, query: str, signed: str, signature: str
) -> None:
    parameters = parse_query(f"{query}&auth_signature={signature}")
    text = request_text(method, path, parameters)
    assert text == f"{method}\n{path}\n{signed}"
    assert sign(secret, text) == signature
    assert matches([secret], text, signature)
    assert next(iter(request_texts(method, path, parameters))) == text


def test_every_live_secret_is_tried() -> None:
    old, new = sign("old", "text"), sign("new", "text")
    assert matches(["new", "old"], "text", old)
    assert matches(["new", "old"], "text", new)
    assert not matches(["new"], "text", old)
    assert not matches([], "text", sign("", "text"))


def test_each_secret_is_compared_in_constant_time_whichever_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[object, object]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    given = sign("old", "text")
    assert matches(["old", "new"], "text", given)
    assert compared == [(sign(secret, "text").encode(), given.encode()) for secret in ("old", "new")]


@pytest.mark.parametrize("signature", ["", "a" * 64, sign("secret", "text").upper(), sign("secret", "text")[:63], "é"])
def test_nothing_but_the_lower_case_digest_fits(signature: str) -> None:
    assert matches(["secret"], "text", sign("secret", "text"))
    assert not matches(["secret"], "text", signature)


@given(st.text(), st.text(), st.text())
def test_a_signature_fits_its_own_text_and_secret_only(secret: str, text: str, other: str) -> None:
    assert matches([secret], text, sign(secret, text))
    if other != text:
        assert not matches([secret], other, sign(secret, text))


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a=1&a=2&b=%20", {"a": "2", "b": " "}),
        ("a[]=1&a[]=2", {"a[]": "1&a[]=2"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=1", {"": "1"}),
        ("&&a=1&", {"a": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=x%2Cy+z%20w", {"a": "x,y z w"}),
        ("%61=%C3%A9", {"a": "é"}),
        ("info%5B0%5D=x", {"info[0]": "x"}),
        ("a=%ff%zz", {"a": "\ufffd%zz"}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_a_query_is_read_as_forms_write_it(query: str, parameters: dict[str, str]) -> None:
    assert parse_query(query) == parameters


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("channels[]=a&channels[]=b", ["a", "b"]),
        ("channels%5B%5D=a", ["a"]),
        ("channels[0]=a&channels[1]=b", ["a", "b"]),
        ("channels[]=a%26channels[]=b", ["a", "b"]),
        ("channels=a&channelsx[]=b", []),
    ],
)
def test_an_array_is_read_in_rubys_form_and_in_phps(query: str, values: list[str]) -> None:
    assert values_of(parse_query(query), "channels") == values


@given(st.text())
def test_any_query_is_read(query: str) -> None:
    assert all(isinstance(value, str) for value in parse_query(query).values())


@pytest.mark.parametrize(
    ("path", "query", "signed"),
    [
        pytest.param("/apps/3/channels", "b=2&a=1", "/apps/3/channels\na=1&b=2", id="any order"),
        pytest.param(
            "/apps/3/channels", "AUTH_KEY=k&b=2", "/apps/3/channels\nauth_key=k&b=2", id="names in upper case"
        ),
        pytest.param("/apps/3/channels", "a=x%40y", "/apps/3/channels\na=x@y", id="values unescaped"),
        pytest.param(
            "/apps/3/channels",
            "info%5B0%5D=user_count&info%5B1%5D=subscription_count",
            "/apps/3/channels\ninfo=user_count,subscription_count",
            id="PHP's arrays",
        ),
        pytest.param("/apps/3/channels", "info[0]=a", "/apps/3/channels\ninfo=a", id="PHP's array of one"),
        pytest.param(
            "/apps/3/channels",
            "info%5B%5D=a&b=2&info[]=c",
            "/apps/3/channels\nb=2&info[]=a&info[]=c",
            id="Ruby's arrays",
        ),
        pytest.param(
            "/apps/3/channels", "info[]=a&info[]=c", "/apps/3/channels\ninfo=a,c", id="Ruby's, signed as PHP's"
        ),
        pytest.param("/apps/3/channels", "b=2&body_md5=x", "/apps/3/channels\nb=2", id="Reverb's GET"),
        pytest.param("/apps/3/channels", "b=2&body_md5=x", "/apps/3/channels\nb=2&body_md5=x", id="Python's GET"),
        pytest.param("/apps/3/channels/caf%C3%A9", "b=2", "/apps/3/channels/caf%C3%A9\nb=2", id="path as it came"),
        pytest.param("/apps/3/channels/a%40b", "b=2", "/apps/3/channels/a@b\nb=2", id="path unescaped"),
        pytest.param("/pre/apps/3/channels", "b=2", "/apps/3/channels\nb=2", id="without the prefix"),
        pytest.param("/pre/apps/3/channels", "b=2", "/pre/apps/3/channels\nb=2", id="with the prefix"),
        pytest.param("/pre/apps/3/channels/a%40b", "b=2", "/apps/3/channels/a@b\nb=2", id="neither prefix nor escapes"),
        pytest.param("/pre/apps/3/channels/a%40b", "b=2", "/pre/apps/3/channels/a%40b\nb=2", id="prefix and escapes"),
        pytest.param("/apps/3/channels", "b=2&more=x", "/apps/3/channels\nb=2&more=x", id="parameters nobody knows"),
    ],
)
def test_a_get_request_may_be_signed_in_this_form(path: str, query: str, signed: str) -> None:
    parameters = parse_query(f"{query}&auth_signature=x")
    assert f"GET\n{signed}" in request_texts("GET", path, parameters, prefix="/pre", has_body=False)


@pytest.mark.parametrize(
    ("query", "unsigned"),
    [
        ("a=1&b=2", "a=1"),
        ("a=1&body_md5=x", "a=1"),
        ("a=1", "a=1&b=2"),
        ("info[0]=a&info[1]=b", "info=b"),
        ("info=a&info[1]=b", "info=b"),
        ("info[]=a&info[]=b", "info[]=b"),
        ("NAME=a&name=b", "name=b"),
        ("name=b&NAME=a", "name=a"),
    ],
)
def test_no_parameter_of_a_request_with_a_body_goes_unsigned(query: str, unsigned: str) -> None:
    texts = list(request_texts("POST", "/apps/3/events", parse_query(query), prefix="/pre"))
    assert f"POST\n/apps/3/events\n{unsigned}" not in texts


def test_the_path_of_another_prefix_is_not_shortened() -> None:
    texts = request_texts("GET", "/prefix/apps/3/channels", {}, prefix="/pre", has_body=False)
    assert list(texts) == ["GET\n/prefix/apps/3/channels\n"]
