"""How single values are read."""

import pytest

from tests.settings.place import TRIO, Place, warnings


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("REVERB_SERVER_HOST", "*", "host", ""),
        ("REVERB_SERVER_HOST", "::", "host", ""),
        ("REVERB_SERVER_HOST", "[::]", "host", ""),
        ("REVERB_SERVER_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("REVERB_SERVER_HOST", "[::1]", "host", "[::1]"),
        ("REVERB_SERVER_HOST", "fe80::1%eth0", "host", "fe80::1%eth0"),
        ("REVERB_SERVER_PORT", '"9000"', "port", 9000),
        ("REVERB_SERVER_PORT", "0", "port", 0),
        ("REVERB_SERVER_PATH", "ws", "path", "/ws"),
        ("REVERB_SERVER_PATH", "/ws/", "path", "/ws"),
        ("REVERB_SERVER_PATH", "/", "path", ""),
        ("REVERB_SERVER_PATH", "a/b", "path", "/a/b"),
        ("REVERB_DEBUG", "(true)", "debug", True),
        ("REVERB_DEBUG", "false", "debug", False),
        ("LOG_LEVEL", "Emergency", "log_level", "emergency"),
        ("REVERB_LOG_LEVEL", "notice", "log_level", "notice"),
        ("LOG_FORMAT", "JSON", "log_format", "json"),
        ("REVERB_SCHEME", "https", "public_scheme", "https"),
        ("REVERB_TRUSTED_PROXIES", "10.0.0.0/8, ::1", "trusted_proxies", ("10.0.0.0/8", "::1")),
        ("REVERB_TRUSTED_PROXIES", "*", "trusted_proxies", ("*",)),
        ("REVERB_REQUEST_TIMEOUT", "2.5", "request_timeout", 2.5),
        ("REVERB_SIGNATURE_TOLERANCE", "0", "signature_tolerance", 0),
        ("REVERB_PROFILE", "pusher", "profile", "pusher"),
    ],
)
def test_a_variable_becomes_a_setting(place: Place, variable: str, text: str, field: str, value: object) -> None:
    assert getattr(place.load({variable: text}).settings, field) == value


def test_origins_written_as_urls_are_reduced_to_hosts_with_a_warning(place: Place) -> None:
    configuration = place.load({**TRIO, "REVERB_ALLOWED_ORIGINS": "https://a.example:3000/x,b.example,*.c.example:80"})
    (app,) = configuration.apps
    assert app.allowed_origins == ("a.example", "b.example", "*.c.example")
    assert "counts as 'a.example'" in warnings(configuration)
    assert "counts as 'b.example'" not in warnings(configuration)
