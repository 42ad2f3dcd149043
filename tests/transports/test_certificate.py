"""A certificate that is exchanged while the server listens: who connects then is shown the new one, and no other."""

import asyncio
import ssl
from pathlib import Path

import pytest

from reverb_py.settings import Settings
from reverb_py.transports.certificate import exchange
from tests.settings.test_load import make_certificate
from tests.transports.in_process import Running, running

CURVE, RSA = "ECDHE+aECDSA", "ECDHE+aRSA"  # ciphers of TLS 1.2, which take keys of one type each


async def shown(server: Running, name: str | None, ciphers: str = "") -> str:
    """The certificate that a client is shown, in PEM, or nothing where none is fit for these ciphers."""
    context = ssl._create_unverified_context()
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname=name)
    except (ssl.SSLError, ConnectionError):
        return ""
    peer: ssl.SSLObject = writer.get_extra_info("ssl_object")
    found = peer.getpeercert(binary_form=True)
    writer.transport.abort()
    assert found is not None
    return ssl.DER_cert_to_PEM_cert(found)


def pair_of(directory: Path, *, rsa_key: bool) -> Settings:
    """A new pair in its files, where one may have been before it, and the settings that name them."""
    cert, key = make_certificate(directory, rsa_key=rsa_key)
    return Settings(drain=0, tls_cert=str(cert), tls_key=str(key))


def pem_of(settings: Settings) -> str:
    return Path(settings.tls_cert).read_text()


def spoil(settings: Settings) -> None:
    Path(settings.tls_key).write_text("no key")


@pytest.mark.parametrize("name", ["localhost", ""], ids=["of a name", "of no name"])
@pytest.mark.parametrize("first_is_rsa", [False, True], ids=["from a curve to RSA and back", "from RSA to a curve"])
async def test_a_client_of_any_kind_is_shown_the_last_pair_only(tmp_path: Path, first_is_rsa: bool, name: str) -> None:
    settings = pair_of(tmp_path, rsa_key=first_is_rsa)
    async with running(settings=settings) as server:
        for is_rsa in (not first_is_rsa, first_is_rsa, first_is_rsa):
            pair_of(tmp_path, rsa_key=is_rsa)
            exchange(server.server.config, settings.tls_cert, settings.tls_key)
            fit, unfit = (RSA, CURVE) if is_rsa else (CURVE, RSA)
            assert await shown(server, name) == await shown(server, name, fit) == pem_of(settings)
            assert await shown(server, name, unfit) == ""


async def test_a_pair_that_cannot_be_used_leaves_the_last_one_at_work(tmp_path: Path) -> None:
    settings = pair_of(tmp_path, rsa_key=False)
    async with running(settings=settings) as server:
        last = pair_of(tmp_path, rsa_key=True)
        exchange(server.server.config, last.tls_cert, last.tls_key)
        spoil(last)
        with pytest.raises(OSError, match="PEM"):
            exchange(server.server.config, last.tls_cert, last.tls_key)
        assert await shown(server, "localhost") == pem_of(last)
