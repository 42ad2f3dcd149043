"""Whose word about the client is believed: addresses of proxies, and the headers that only they may set."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """A set of addresses and networks; `*` trusts everybody (behind an edge that cannot be gone around)."""

    def __init__(self, addresses: Iterable[str] = (), *, real_ip_first: bool = False) -> None:
        """Raise ValueError for what is neither an address, nor a network, nor `*`.

        `real_ip_first` where the proxy itself sets `X-Real-IP`, as Railway's edge does. Others pass on a stranger's.
        """
        self._real_ip_first = real_ip_first
        listed = [address.strip() for address in addresses if address.strip()]
        self._everybody = "*" in listed
        self._networks: list[Network] = [ip_network(each, strict=False) for each in listed if each != "*"]

    def trusts(self, peer: str) -> bool:
        """Return True when the peer's forwarding headers may be believed."""
        if self._everybody:
            return True
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)

    def client_of(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the client's address: what a trusted peer says, or the peer.

        The last hop that no proxy of ours is counts, and `X-Real-IP` where there is none.
        """
        if not self.trusts(peer):
            return peer
        hops = [hop.strip() for hop in reversed(headers.get("x-forwarded-for", "").split(",")) if hop.strip()]
        strangers = hops if self._everybody else [hop for hop in hops if not self.trusts(hop)]
        real_ip = headers.get("x-real-ip", "").strip()
        named = [real_ip, *strangers[:1]] if self._real_ip_first or not hops else strangers[:1]
        return next((each for each in named if _address(each) is not None), peer)

    def secure(self, peer: str, headers: Mapping[str, str]) -> bool | None:
        """Return whether the client came over TLS to a plain port: None when a proxy may stand between and keeps quiet.

        False must be certain: a client that is told 4000 comes back 310 times a second.
        """
        forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        if forwarded == "http" and self.trusts(peer):
            return False
        if forwarded == "https":
            return True
        return None if forwarded or self.trusts(peer) else False


def network_of(address: str) -> str:
    """Who counts as one: an IPv4 address, or the 64 bits of an IPv6 one that every site has for itself."""
    found = _address(address)
    if not isinstance(found, IPv6Address):
        return address if found is None else str(found)
    return str(IPv6Network((int(found) >> 64 << 64, 64)))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; IPv4 that arrived on an IPv6 socket is IPv4 again."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
