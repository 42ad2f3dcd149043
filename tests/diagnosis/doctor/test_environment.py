"""The variables are evaluated as Laravel's config/broadcasting.php evaluates them."""

import pytest

from reverb_py.diagnosis.doctor.environment import clean_host, listing, publisher, read
from reverb_py.diagnosis.doctor.masks import Masks
from reverb_py.diagnosis.fingerprint import fingerprint
from tests.doctor_process import WEB, changed


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ("", "https://ws.example.com:443"),
        ("-REVERB_PORT\n-REVERB_SCHEME", "https://ws.example.com:443"),
        ("REVERB_PORT=\nREVERB_SCHEME=http", "http://ws.example.com:80"),
        ('REVERB_HOST="ws.example.com"\nREVERB_PORT=(empty)', "https://ws.example.com:443"),
        ("REVERB_HOST=https://WS.example.com/", "https://ws.example.com:443"),
        ("REVERB_HOST=[::1]", "https://[::1]:443"),
        ("REVERB_SERVER_PATH=/reverb/", "https://ws.example.com:443/reverb"),
        ("BROADCAST_CONNECTION=log", "https://ws.example.com:443"),
        (
            "PUSHER_HOST=other.example.com\nBROADCAST_CONNECTION=pusher\nPUSHER_APP_ID=1\nPUSHER_APP_KEY=k\n"
            "PUSHER_APP_SECRET=s\nPUSHER_PORT=6001\nPUSHER_SCHEME=http",
            "http://other.example.com:6001",
        ),
        (
            "-REVERB_APP_ID\n-REVERB_APP_KEY\n-REVERB_APP_SECRET\n-BROADCAST_CONNECTION\n"
            "PUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s\nPUSHER_APP_CLUSTER=eu",
            "https://api-eu.pusher.com:443",
        ),
        (
            "-REVERB_APP_ID\n-REVERB_APP_KEY\n-REVERB_APP_SECRET\nPUSHER_URL=http://k:s@10.0.0.1:6001/apps/7",
            "http://10.0.0.1:6001",
        ),
        ("-REVERB_APP_SECRET", None),
        ("-REVERB_HOST", None),
        ("REVERB_PORT=$PORT", None),
        ("REVERB_PORT=70000", None),
        ("REVERB_HOST=${{reverb.RAILWAY_PRIVATE_DOMAIN}}", None),
        ("REVERB_SCHEME=wss", None),
        ("REVERB_APP_KEY=null", None),
    ],
)
def test_where_it_publishes(change: str, url: str | None) -> None:
    target = publisher(read(changed(WEB, change), "web.env")).target()
    assert (target.http_url if target else None) == url


@pytest.mark.parametrize(
    ("change", "connection", "variable"),
    [
        ("", "reverb", "BROADCAST_CONNECTION"),
        ("-BROADCAST_CONNECTION", "", ""),
        ("BROADCAST_CONNECTION=", "null", "BROADCAST_CONNECTION"),
        ("BROADCAST_CONNECTION=(null)", "null", "BROADCAST_CONNECTION"),
        ("BROADCAST_CONNECTION=log\nBROADCAST_DRIVER=reverb", "log", "BROADCAST_CONNECTION"),
        ("-BROADCAST_CONNECTION\nBROADCAST_DRIVER=reverb", "reverb", "BROADCAST_DRIVER"),
    ],
)
def test_which_broadcaster_counts(change: str, connection: str, variable: str) -> None:
    found = publisher(read(changed(WEB, change), "web.env"))
    assert (found.connection, found.variable) == (connection, variable)


def test_a_url_with_credentials_is_read_as_the_libraries_read_it() -> None:
    found = publisher(read("PUSHER_URL=https://k%2B:s%2F@ws.example.com/apps/7\n", "web.env"))
    assert (found.app_id, found.key, found.secret, found.port) == ("7", "k+", "s/", "443")


@pytest.mark.parametrize("url", ["", "http://ws.example.com/apps/7", "http://k:s@x:port/apps/7", "http://k:s@x/7"])
def test_a_url_that_is_none_is_left_alone(url: str) -> None:
    assert publisher(read(f"PUSHER_URL={url}\n", "web.env")).target() is None


def test_values_of_a_listing_are_literal_and_may_have_more_lines() -> None:
    text = 'APP_NAME=1 Charge # one\nREVERB_TLS_KEY=-----BEGIN\nabc==\n-----END\nREVERB_HOST="x"\n'
    found = listing(text).values
    assert found == {
        **{"APP_NAME": "1 Charge # one", "REVERB_TLS_KEY": "-----BEGIN\nabc==\n-----END", "REVERB_HOST": '"x"'},
    }
    assert read(f"RAILWAY_PROJECT_ID=p\n{text}", "standard input").file.problems == ()
    assert read(text, "web.env").file.problems != ()


@pytest.mark.parametrize(
    ("host", "clean"),
    [
        *(("ws.example.com", "ws.example.com"), (" 'ws.example.com/' ", "ws.example.com"), ("[::1]:8080", "::1")),
        *(("::1", "::1"), ("HTTPS://a.b:1/c", "a.b"), ("$HOST", ""), ("a b", "")),
    ],
)
def test_the_host_that_a_malformed_value_means(host: str, clean: str) -> None:
    assert clean_host(host) == clean


SECRETS = {
    "REVERB_APP_SECRET": "t0p-secret-1",
    "REVERB_APP_KEY": "an-app-key-1",
    "DB_PASSWORD": "'quoted-pass-1'",
    "REDIS_URL": "redis://user:pass-word-1@redis.example.com",
    "APP_NAME": "no-secret-at-all",
}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("the secret t0p-secret-1!", "t0p-secret-1"),
        ("ws://x/app/an-app-key-1?protocol=7", "an-app-key-1"),
        ("it is quoted-pass-1", "quoted-pass-1"),
        ("pass-word-1", "pass-word-1"),
    ],
)
def test_a_secret_is_replaced_by_its_fingerprint(text: str, hidden: str) -> None:
    assert Masks([SECRETS]).hide(text) == text.replace(hidden, fingerprint(hidden))


def test_what_is_no_secret_stays() -> None:
    masks = Masks([SECRETS, {"REVERB_APP_SECRET": "secret", "REVERB_APP_KEY": "${KEY}"}], others=("",))
    assert (
        masks.hide("no-secret-at-all, and the word secret in ${KEY}")
        == "no-secret-at-all, and the word secret in ${KEY}"
    )
    assert masks.literal("reverb") == "'reverb'"


def test_a_short_secret_in_place_of_a_host_is_hidden_everywhere() -> None:
    masks = Masks([{"REVERB_APP_SECRET": "hunter", "REVERB_HOST": "hunter"}])
    assert masks.hide("https://hunter:443") == f"https://{fingerprint('hunter')}:443"


def test_a_secret_that_was_put_into_small_letters_is_hidden() -> None:
    assert Masks([{"A_SECRET": "SeCrEt-1"}]).hide("https://secret-1:443") == f"https://{fingerprint('SeCrEt-1')}:443"


def test_cutting_a_literal_leaves_no_part_of_a_secret() -> None:
    masks = Masks([{"A_SECRET": "secret-number-one"}])
    assert "secret" not in masks.literal("x" * 50 + "secret-number-one")


def test_a_literal_is_hidden_however_short_its_secret_is() -> None:
    masks = Masks([{"REVERB_APP_SECRET": "secret"}], others=("tok",))
    assert masks.literal("secret") == masks.literal(" secret ").replace(fingerprint(" secret "), fingerprint("secret"))
    assert masks.literal("tok") == fingerprint("tok")


def test_the_longest_secret_is_hidden_whole() -> None:
    masks = Masks([{"A_SECRET": "secret-1", "B_SECRET": "secret-1-and-more"}])
    assert masks.hide("secret-1-and-more") == fingerprint("secret-1-and-more")


def test_a_line_gives_no_orders_to_a_terminal() -> None:
    assert Masks().line("a\x1b[2J\nb") == "a\\x1b[2J\\nb"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http://user:supersecret@ws.example.com:80", "supersecret"),
        ("https://:abc@ws.example.com", "abc"),
        ("redis://user:with/slash@localhost", "with/slash"),
        ("user:supersecret@ws.example.com", "supersecret"),
        ("REVERB_HOST='user:secret@10.0.0.1'", "secret"),
        ("http://ws.example.com:8080/app", ""),
        ("mail to a@b.example: Controller@method", ""),
    ],
)
def test_a_password_in_an_address_is_hidden_however_plain(text: str, hidden: str) -> None:
    shown = text.replace(f":{hidden}@", f":{fingerprint(hidden)}@") if hidden else text
    assert Masks().hide(text) == shown


@pytest.mark.parametrize(
    "host",
    ["http://user:supersecret@ws.example.com:80/x", "user:pass@ws.example.com", "https://user:a/b@ws.example.com"],
)
def test_a_host_is_used_without_user_and_password(host: str) -> None:
    assert clean_host(host) == "ws.example.com"
