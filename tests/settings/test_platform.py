"""What Railway and Kubernetes change."""

import pytest

from reverb_py.settings import Platform
from tests.settings.place import TRIO, Place


def test_railway_widens_ipv4_trusts_its_edge_and_gives_its_draining_time(place: Place) -> None:
    railway = {"RAILWAY_ENVIRONMENT_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "20"}
    configuration = place.load({**railway, "REVERB_SERVER_HOST": "0.0.0.0"})
    read = configuration.settings
    assert (read.host, read.trusted_proxies, read.drain) == ("", ("*",), 18)
    assert "0.0.0.0" in configuration.notices[0].text
    assert configuration.platform.managed
    own = place.load({**railway, "REVERB_DRAIN": "1", "REVERB_TRUSTED_PROXIES": "10.0.0.1"}).settings
    assert (own.trusted_proxies, own.drain) == (("10.0.0.1",), 1)
    assert place.load({"RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "1"}).settings.drain == 0


def test_elsewhere_ipv4_stays_ipv4(place: Place) -> None:
    configuration = place.load({"REVERB_SERVER_HOST": "0.0.0.0", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert configuration.settings.host == "0.0.0.0"
    assert configuration.platform.managed


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "3"}, True),
        ({"FORCE_COLOR": "0"}, None),
        ({"FORCE_COLOR": ""}, None),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_may_be_asked_for_and_forbidden(environ: dict[str, str], colour: bool | None) -> None:
    assert Platform.of(environ).colour is colour


@pytest.mark.parametrize(
    ("environ", "fields"),
    [
        ({}, {}),
        ({"RAILWAY_REPLICA_ID": "r"}, {"replica_id": "r"}),
        (
            {"RAILWAY_REPLICA_ID": "r", "RAILWAY_DEPLOYMENT_ID": "d"},
            {"replica_id": "r", "deployment_id": "d"},
        ),
    ],
)
def test_railway_names_the_replica_and_the_deployment(environ: dict[str, str], fields: dict[str, str]) -> None:
    assert Platform.of(environ).log_fields == fields


@pytest.mark.parametrize("host", ["", "*", "::", "0.0.0.0"])
@pytest.mark.parametrize("railway", [{}, {"RAILWAY_ENVIRONMENT_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "9"}])
def test_ipv4_alone_is_ipv4_alone_everywhere(place: Place, host: str, railway: dict[str, str]) -> None:
    configuration = place.load({**railway, "REVERB_SERVER_HOST": host, "REVERB_IPV4_ONLY": "true"})
    assert (configuration.settings.host, configuration.notices) == ("0.0.0.0", ())


def test_ipv4_alone_leaves_an_address_as_it_is_and_refuses_one_of_ipv6(place: Place) -> None:
    alone = {"REVERB_IPV4_ONLY": "true"}
    assert place.load({**alone, "REVERB_SERVER_HOST": "10.0.0.1"}).settings.host == "10.0.0.1"
    assert "the host ::1 is of IPv6, and REVERB_IPV4_ONLY" in place.refusal({**alone, "REVERB_SERVER_HOST": "::1"})


@pytest.mark.parametrize("trusted", ["", "*", "10.0.0.0/8"])
def test_only_railways_edge_is_believed_about_the_real_address(place: Place, trusted: str) -> None:
    environ = {**TRIO, "REVERB_TRUSTED_PROXIES": trusted}
    assert place.load({**environ, "RAILWAY_PROJECT_ID": "1"}).settings.real_ip_first
    assert not place.load(environ).settings.real_ip_first
