"""Whose word about the client is believed, and what follows from it."""

import pytest

from reverb_py.transports.proxies import TrustedProxies

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"


@pytest.mark.parametrize(
    ("listed", "peer", "trusted"),
    [
        ((), PROXY, False),
        (("",), PROXY, False),
        ((PROXY,), PROXY, True),
        ((" 10.0.0.1 ",), PROXY, True),
        ((PROXY,), "10.0.0.2", False),
        (("10.0.0.0/8",), "10.255.0.1", True),
        (("10.0.0.1/8",), "10.255.0.1", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("fd00::/8",), "fd12::1", True),
        (("fd00::/8",), PROXY, False),
        (("192.0.2.1", "10.0.0.0/8"), PROXY, True),
        (("*",), CLIENT, True),
        (("*",), "", True),
        (("0.0.0.0/0",), "", False),
        (("0.0.0.0/0",), "unknown", False),
    ],
)
def test_a_peer_is_trusted_by_address_network_or_star(listed: tuple[str, ...], peer: str, trusted: bool) -> None:
    assert TrustedProxies(listed).trusts(peer) is trusted


@pytest.mark.parametrize("listed", ["proxy.internal", "10.0.0.0/33", "10.0.0", "**"])
def test_what_is_neither_address_nor_network_nor_star_is_an_error(listed: str) -> None:
    with pytest.raises(ValueError, match="IPv4 or IPv6"):
        TrustedProxies([listed])


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        (PROXY, {}, PROXY),
        (PROXY, {"x-real-ip": CLIENT}, CLIENT),
        (PROXY, {"x-real-ip": f" {CLIENT} "}, CLIENT),
        (PROXY, {"x-real-ip": "", "x-forwarded-for": CLIENT}, CLIENT),
        (PROXY, {"x-real-ip": "198.51.100.1", "x-forwarded-for": CLIENT}, CLIENT),  # a stranger's, passed on
        (PROXY, {"x-real-ip": "198.51.100.1", "x-forwarded-for": "10.0.0.3"}, PROXY),
        (PROXY, {"x-real-ip": "198.51.100.1", "x-forwarded-for": "unknown"}, PROXY),
        (PROXY, {"x-forwarded-for": CLIENT}, CLIENT),
        (PROXY, {"x-forwarded-for": f"198.51.100.1, {CLIENT}"}, CLIENT),
        (PROXY, {"x-forwarded-for": f"198.51.100.1, {CLIENT}, 10.0.0.2"}, CLIENT),
        (PROXY, {"x-forwarded-for": f"{CLIENT}, ,"}, CLIENT),
        (PROXY, {"x-forwarded-for": "10.0.0.3, 10.0.0.2"}, PROXY),
        (PROXY, {"x-forwarded-for": ""}, PROXY),
        (CLIENT, {"x-real-ip": "198.51.100.1"}, CLIENT),
        (CLIENT, {"x-forwarded-for": "198.51.100.1"}, CLIENT),
    ],
)
def test_the_client_is_the_last_hop_that_no_proxy_of_ours_made_up(
    peer: str, headers: dict[str, str], client: str
) -> None:
    assert TrustedProxies(["10.0.0.0/8"]).client_of(peer, headers) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "secure"),
    [
        (CLIENT, None, False),
        (CLIENT, "http", None),  # perhaps a proxy that nobody has listed
        (CLIENT, "https", True),
        (CLIENT, "spdy", None),
        (PROXY, None, None),
        (PROXY, "http", False),
        (PROXY, "HTTP", False),
        (PROXY, "https", True),
        (PROXY, "https, http", True),
        (PROXY, "http, https", False),
        (PROXY, "wss", None),
        (PROXY, "", None),
    ],
)
def test_a_plain_port_is_called_insecure_only_when_that_is_certain(
    peer: str, forwarded: str | None, secure: bool | None
) -> None:
    """4000 where a proxy speaks TLS would end every client: None lets it in."""
    headers = {} if forwarded is None else {"x-forwarded-proto": forwarded}
    assert TrustedProxies(["10.0.0.0/8"]).secure(peer, headers) is secure


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"x-forwarded-for": f"198.51.100.1, {CLIENT}"}, CLIENT),
        ({"x-real-ip": "198.51.100.1", "x-forwarded-for": CLIENT}, CLIENT),
        ({"x-real-ip": CLIENT}, CLIENT),
        ({"x-forwarded-for": f"{CLIENT}:4711"}, PROXY),
        ({}, PROXY),
    ],
)
def test_where_everybody_is_trusted_the_last_hop_counts_if_it_is_an_address(
    headers: dict[str, str], client: str
) -> None:
    assert TrustedProxies(["*"]).client_of(PROXY, headers) == client


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"x-real-ip": CLIENT, "x-forwarded-for": "198.51.100.1"}, CLIENT),
        ({"x-real-ip": "<script>", "x-forwarded-for": CLIENT}, CLIENT),
        ({"x-forwarded-for": CLIENT}, CLIENT),
    ],
)
@pytest.mark.parametrize("listed", ["*", PROXY])
def test_on_railway_the_edge_itself_says_who_the_client_is(listed: str, headers: dict[str, str], client: str) -> None:
    assert TrustedProxies([listed], real_ip_first=True).client_of(PROXY, headers) == client
