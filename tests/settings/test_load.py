"""What cannot work is refused with one line: what, why, how to mend, and no secret."""

from pathlib import Path

import pytest

from reverb_py.settings import CommandLine, ConfigError, load_server
from tests.settings.place import TRIO, Place


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"REVERB_SERVER_PORT": "$PORT"}, ["REVERB_SERVER_PORT", "$PORT", "PORT is read anyway"]),
        ({"REVERB_SERVER_HOST": "${{shared.HOST}}"}, ["REVERB_SERVER_HOST", "${{shared.HOST}}"]),
        ({"REVERB_HOST": "${APP_HOST}"}, ["REVERB_HOST", "${APP_HOST}"]),
        ({**TRIO, "REVERB_APP_SECRET": "${{secret(32)}}"}, ["REVERB_APP_SECRET holds a reference"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "0"}, ["REVERB_APP_ACTIVITY_TIMEOUT", "greater than 0", "pusher-js"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "-1"}, ["greater than 0"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "2.5"}, ["must be a whole number (seconds)"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "true"}, ["must be a number"]),
        ({"REVERB_APP_ACTIVITY_TIMEOUT": "99999999"}, ["less than or equal to 2147483"]),
        ({"REVERB_APP_PING_INTERVAL": "inf"}, ["REVERB_APP_PING_INTERVAL", "must be a number"]),
        ({"REVERB_APP_ID": "1", "REVERB_APP_KEY": "a"}, ["REVERB_APP_SECRET is missing", "REVERB_APP_KEY"]),
        ({"REVERB_APP_SECRET": "hunter2"}, ["REVERB_APP_ID and REVERB_APP_KEY are missing"]),
        ({**TRIO, "REVERB_APP_KEY": "a/b"}, ["REVERB_APP_KEY is 'a/b'", "without spaces, slashes"]),
        ({**TRIO, "REVERB_APP_SECRET_FILE": "/nowhere"}, ["both set"]),
        ({"REVERB_APP_SECRET_FILE": "/nowhere"}, ["REVERB_APP_SECRET_FILE", "cannot read '/nowhere'"]),
        ({"REVERB_SERVER_HOST": "http://0.0.0.0"}, ["REVERB_SERVER_HOST", "leave out the scheme"]),
        ({"REVERB_SERVER_HOST": "a/b"}, ["no slash"]),
        ({"REVERB_SERVER_HOST": "a b"}, ["no space"]),
        ({"REVERB_SERVER_HOST": "0.0.0.0:80"}, ["the port has its own setting"]),
        ({"REVERB_HOST": "https://example.com"}, ["REVERB_HOST", "leave out the scheme"]),
        ({"REVERB_SERVER_PORT": "http"}, ["REVERB_SERVER_PORT is 'http'", "whole number", "8080"]),
        ({"REVERB_SERVER_PORT": "65536"}, ["less than or equal to 65535"]),
        ({"REVERB_SCHEME": "wss"}, ["REVERB_SCHEME", "one of http, https"]),
        ({"REVERB_LOG_LEVEL": "loud"}, ["one of debug, info, notice"]),
        ({"REVERB_APPS": '[{"id": 1,'}, ["REVERB_APPS is not valid JSON", "line 1, column 11"]),
        ({"REVERB_APPS": '{"id": 1}'}, ["REVERB_APPS must be a list of apps"]),
        ({"REVERB_APPS": '[{"key": "a", "secret": "hunter2"}]'}, ["REVERB_APPS number 1 has no id"]),
        ({"REVERB_APPS": '[{"id": 1, "key": "a"}]'}, ["has no secret"]),
        ({"REVERB_APPS": '[{"id": 1, "key": "a", "secret": 77}]'}, ["secret of REVERB_APPS number 1"]),
        ({"REVERB_APPS": '[{"id": 1, "kye": "a"}]'}, ["unknown key 'kye'", "did you mean key?"]),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "more_credentials": [{"key": "b"}]}]'},
            ["more_credentials of REVERB_APPS number 1 (0, secret)"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s"}, {"id": "1", "key": "b", "secret": "s"}]'},
            ["two apps of REVERB_APPS have the id '1'"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s"}, {"id": 2, "key": "a", "secret": "s"}]'},
            ["two apps have the key 'a'"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "more_credentials": "x"}]'},
            ["more_credentials of REVERB_APPS number 1", "must be a list"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "more_credentials": ["hunter2"]}]'},
            ["more_credentials of REVERB_APPS number 1 (0)", "must be a table of key and secret"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "more_credentials": [{"secret": "${{x}}"}]}]'},
            ["more_credentials of REVERB_APPS number 1 holds a reference"],
        ),
        (
            {"REVERB_APPS": '[{"id": 1, "key": "a", "secret": "s", "allowed_origins": ["${{x}}"]}]'},
            ["allowed_origins of REVERB_APPS number 1 holds ${{x}}"],
        ),
        ({"REVERB_APPS": "[" * 100_000}, ["REVERB_APPS is nested too deeply"]),
        ({"REVERB_APPS": f'[{{"id": {"[" * 500}{"]" * 500}}}]'}, ["id of REVERB_APPS number 1 is nested too deeply"]),
        ({"REVERB_APPS": f'[{{"id": {"1" * 5_000}}}]'}, ["REVERB_APPS is not valid JSON"]),
        ({**TRIO, "REVERB_APP_KEY": "true"}, ["REVERB_APP_KEY is True", "truth value, as Laravel reads it"]),
        ({**TRIO, "REVERB_APP_SECRET": "(false)"}, ["REVERB_APP_SECRET: must be", "truth value"]),
        ({"REVERB_TLS_CERT": "cert.pem"}, ["REVERB_TLS_CERT is set and REVERB_TLS_KEY is not"]),
        ({"REVERB_TLS_KEY": "key.pem"}, ["REVERB_TLS_KEY is set and REVERB_TLS_CERT is not"]),
        ({"REVERB_TLS_CERT": "/no.pem", "REVERB_TLS_KEY": "/no.key"}, ["/no.pem", "No such file"]),
        ({"REVERB_TRUSTED_PROXIES": "10.0.0.0/8,nginx"}, ["'nginx' is none"]),
        ({"REVERB_ALLOWED_ORIGINS": "https://"}, ["REVERB_ALLOWED_ORIGINS", "must be hosts"]),
        ({"REVERB_CONFIG": "nowhere.toml"}, ["nowhere.toml", "REVERB_CONFIG"]),
        ({"REVERB_ENV_FILE": "nowhere.env"}, ["nowhere.env", "REVERB_ENV_FILE"]),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_without_secrets(
    place: Place, environ: dict[str, str], parts: list[str]
) -> None:
    line = place.refusal(environ)
    assert [part for part in parts if part not in line] == [], line
    assert "hunter2" not in line


def test_the_servers_settings_alone_are_read_whatever_is_wrong_with_its_apps_and_certificate(place: Place) -> None:
    place.write(
        ".env", "REVERB_APP_KEY=a b\nREVERB_APPS=[\nREVERB_SERVER_PORT=7\nREVERB_TLS_CERT=/a\nREVERB_TLS_KEY=/b\n"
    )
    place.write("reverb.toml", "path = '/ws'\n[app_defaults]\nzzz = 1\n")
    read = load_server(environ={}, directory=place.directory)
    assert (read.port, read.path, read.tls_cert) == (7, "/ws", "/a")
    assert "/a" in place.refusal()
    with pytest.raises(ConfigError):
        load_server(CommandLine({"port": "x"}), environ={}, directory=place.directory)


def test_a_certificate_with_its_key_is_accepted(place: Place, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    settings = place.load({"REVERB_TLS_CERT": str(cert), "REVERB_TLS_KEY": str(key)}).settings
    assert (settings.tls_cert, settings.tls_key) == (str(cert), str(key))
    assert str(cert) in place.refusal({"REVERB_TLS_CERT": str(cert), "REVERB_TLS_KEY": str(cert)})


def make_certificate(directory: Path, *, rsa_key: bool = False) -> tuple[Path, Path]:
    """A self-signed pair for localhost, its key on an elliptic curve if it is not to be one of RSA."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    private = rsa.generate_private_key(65_537, 2_048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert, key
