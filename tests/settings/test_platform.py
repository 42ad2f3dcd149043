"""What Railway and Kubernetes change."""

from tests.settings.place import Place


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
