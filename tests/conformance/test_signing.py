"""The suite's own signatures against published vectors (pp 3.4 #91, pp 7.9, rb Appendix B)."""

import pytest

from reverb_py.conformance.signing import body_md5, channel_auth, request_signature, user_auth

PUSHER = ("278d425bdf160c739803", "7ad3773142a6692b25b8", "1234.1234")
REVERB = ("reverb-key", "reverb-secret", "1234.5678")

MR_CHANNELS = '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'
MR_PUSHER = '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}'
ANN = '{"user_id":"u1","user_info":{"name":"Ann"}}'
JO = '{"user_id":"7","user_info":{"name":"Jo"}}'
ESCAPED = r'{"user_id":"7","user_info":{"name":"\u00e9\/"}}'


@pytest.mark.parametrize(
    ("who", "channel", "channel_data", "signature"),
    [
        (PUSHER, "private-foobar", None, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
        (
            PUSHER,
            "presence-foobar",
            MR_CHANNELS,
            "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
        ),
        (
            PUSHER,
            "presence-foobar",
            MR_PUSHER,
            "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
        ),
        (PUSHER, "presence-room", ANN, "47b86687774d1334e979dfb106d4a331bc5ddbf060f2c450e6a286dc9d425d8b"),
        (PUSHER, "presence-room", None, "0404d01f91e71f65147861011ec40b32e46f6c505cb9be660554c494ce9a226b"),
        (
            PUSHER,
            "private-encrypted-test",
            None,
            "6acb79a37e5accae226d86003eed32535d8c78bcf31c04f719d6b083d1e3c21e",
        ),
        (
            REVERB,
            "private-orders.1",
            None,
            "163204fc4602d2b55ad4990db56397bff53b079c23904d3946f2ca7ff9ea59f0",
        ),
        (REVERB, "presence-room.2", JO, "a2460a8e9bf53464f1d3f2cc72fc3b44a331900b36538d21a191bac2a703549c"),
        (
            REVERB,
            "presence-room.2",
            ESCAPED,
            "4511dcd63e2c3877c45c99cd2f49758c0f35b82b33750b09a401c1937e6b3477",
        ),
    ],
)
def test_channels_are_signed_as_published(
    who: tuple[str, str, str], channel: str, channel_data: str | None, signature: str
) -> None:
    key, secret, socket_id = who
    assert channel_auth(key, secret, socket_id, channel, channel_data) == f"{key}:{signature}"


@pytest.mark.parametrize(
    ("who", "user_data", "signature"),
    [
        (PUSHER, '{"id":"12345"}', "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"),
        (
            PUSHER,
            '{"id":"u1","user_info":{"name":"Ann"},"watchlist":["u2","u3"]}',
            "516337f335ace48da6cc1070214c8d4a5b7f5abd7abd8a49a3b07515913034e1",
        ),
        (
            REVERB,
            '{"id":"7","user_info":{"n":1}}',
            "01568ceaf0158319ea1c0dac52b43784bcacebc2a40be20ff1d4ac3255ebadd7",
        ),
    ],
)
def test_users_are_signed_as_published(who: tuple[str, str, str], user_data: str, signature: str) -> None:
    key, secret, socket_id = who
    assert user_auth(key, secret, socket_id, user_data) == f"{key}:{signature}"


QUERY = {"filter_by_prefix": "presence-", "info": "user_count"}
TRIGGER = rb'{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}'
ORDER = rb'{"name":"order.shipped","data":"{\"id\":5}","channel":"private-orders.1"}'
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("who", "timestamp", "method", "path", "params", "signature"),
    [
        (
            *(PUSHER, "1353088179", "POST", "/apps/3/events", {"body_md5": body_md5(TRIGGER)}),
            "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
        ),
        (
            *(PUSHER, "1353088179", "GET", "/apps/3/channels", QUERY),
            "16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
        ),
        (
            *(PUSHER, "1353088179", "GET", "/apps/3/channels", {**QUERY, "body_md5": EMPTY_MD5}),
            "f3f17c61ae491cc9085db68b22076e9b772e3bcb301659d655153ee3f9782aba",
        ),
        (
            *(
                PUSHER,
                "1353088179",
                "POST",
                "/apps/3/users/u1/terminate_connections",
                {"body_md5": body_md5(b"{}")},
            ),
            "61efad5e9fe693a686a71ff197d9770bd2c257d87ce961f4efda2dae952c4345",
        ),
        (
            *(REVERB, "1700000000", "POST", "/apps/123456/events", {"body_md5": body_md5(ORDER)}),
            "309766b2a01c9be740555990852aa0cac841c0819d0b7b3b6cde75c6e166bc50",
        ),
        (
            *(REVERB, "1700000000", "GET", "/apps/123456/channels"),
            {"filter_by_prefix": "presence-", "info": "user_count,subscription_count"},
            "22f404bb9f60362ac112637e9ebdbdfa9557923685d30b478ef3e7903c1af65b",
        ),
        (
            *(REVERB, "1700000000", "POST", "/apps/123456/users/42/terminate_connections"),
            {"body_md5": body_md5(b"{}")},
            "9a89cb19db84a143d2a6064f9b55a7fc0200554e96876f5e9e99a68b25c5f032",
        ),
    ],
)
def test_requests_are_signed_as_published(
    who: tuple[str, str, str], timestamp: str, method: str, path: str, params: dict[str, str], signature: str
) -> None:
    key, secret, _ = who
    auth = {"auth_key": key, "auth_timestamp": timestamp, "auth_version": "1.0"}
    assert request_signature(secret, method, path, {**params, **auth}) == signature
