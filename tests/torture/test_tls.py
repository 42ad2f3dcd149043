"""Peers of the TLS port that do not speak TLS, or begin it and say no more; and a certificate that is exchanged."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reverb_py.conformance.expect import eventually
from tests.conformance.fixture import CERTIFICATE
from tests.settings.test_load import make_certificate
from tests.torture.conftest import Watch
from tests.torture.test_stopping import reload
from tests.torture.watching import Watched

TIMEOUT = 1.0  # seconds, REVERB_REQUEST_TIMEOUT
HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)


@pytest.fixture
def tls() -> bool:
    """Every server here speaks TLS."""
    return True


async def ended(reader: asyncio.StreamReader) -> float:
    """Seconds until the server ends the connection; what it sends meanwhile is not answered. Raise TimeoutError."""
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(10):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        pass
    return asyncio.get_running_loop().time() - began


async def half_a_handshake(server: Watched, sent: bytes) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    seconds = await ended(reader)
    writer.transport.abort()
    return seconds


async def a_handshake_and_no_more(server: Watched) -> float:
    """Neither a request, nor an answer to the server's goodbye (close_notify)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    assert server.tls is not None
    peer = server.tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while peer.version() is None or outgoing.pending:
        try:
            peer.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(65_536))
        else:
            writer.write(outgoing.read())
    seconds = await ended(reader)
    writer.transport.abort()
    return seconds


async def test_peers_that_begin_tls_and_say_no_more(watch: Watch, big: bool) -> None:
    """Two hundred peers that are silent on the TLS port, or stop in its handshake or behind it, are ended in time."""
    count = 200 if big else 60
    async with watch(env={"REVERB_REQUEST_TIMEOUT": f"{TIMEOUT:g}"}) as server:
        attacks = [
            *(half_a_handshake(server, b"") for _ in range(count // 4)),
            *(half_a_handshake(server, HALF_HELLO) for _ in range(count // 4)),
            *(a_handshake_and_no_more(server) for _ in range(count // 2)),
        ]
        seconds = await asyncio.gather(*attacks)
        in_handshake, behind_it = max(seconds[: count // 2]), max(seconds[count // 2 :])
        assert TIMEOUT / 2 < in_handshake < TIMEOUT + 1.5
        assert behind_it < 2 * TIMEOUT + 1.5
        bound = f"{TIMEOUT:g} s in the handshake, {2 * TIMEOUT:g} s behind it (REVERB_REQUEST_TIMEOUT, twice)"
        server.row.tells(bound, f"{in_handshake:.2f} s and {behind_it:.2f} s at most, {count} at once")


async def test_peers_in_a_handshake_take_all_descriptors(watch: Watch, big: bool) -> None:
    """All descriptors are taken by peers that are silent in a TLS handshake: newcomers are closed, nothing spins."""
    files, timeout = 200, 3.0
    count = files * (10 if big else 3)
    async with watch(files=files, env={"REVERB_REQUEST_TIMEOUT": f"{timeout:g}"}) as server:
        silent = [asyncio.create_task(half_a_handshake(server, b"")) for _ in range(count)]
        load = await server.busy()
        await server.stream.goes_on()
        ends = await asyncio.gather(*silent)
        at_once = sum(seconds < timeout / 2 for seconds in ends)
        assert count - files <= at_once < count
        assert max(ends) < timeout + 1.5
        assert load < 0.5
        await eventually(server.is_alone, "the silent should be gone", 10)
        bound = f"closed, {timeout:g} s (REVERB_REQUEST_TIMEOUT), 50% of a processor"
        server.row.tells(bound, f"{at_once} of {count} at once, {max(ends):.2f} s at most, {load:.0%} of a processor")


def trusted_pair(directory: Path) -> dict[str, Path]:
    """Put the certificate that the clients trust there, with its key; return the variables that name them."""
    files = {"REVERB_TLS_CERT": directory / "cert.pem", "REVERB_TLS_KEY": directory / "key.pem"}
    for name, file in files.items():
        file.write_bytes(Path(CERTIFICATE[name]).read_bytes())
    return files


async def test_exchange_of_a_certificate(watch: Watch, tmp_path: Path) -> None:
    """Six SIGHUPs exchange the certificate, its type of key too: newcomers are shown the new one, nobody is dropped."""
    files = trusted_pair(tmp_path)
    curve, rsa = partial(make_certificate, rsa_key=False), partial(make_certificate, rsa_key=True)
    # At last the one that newcomers trust.
    pairs: list[Callable[[Path], object]] = [curve, rsa, rsa, curve, rsa, trusted_pair]
    async with watch(env={name: str(file) for name, file in files.items()}) as server:
        for number, put in enumerate(pairs, 1):
            put(tmp_path)
            await reload(server.process, number)
            shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", server.port))
            assert shown == files["REVERB_TLS_CERT"].read_text()
            await server.stream.goes_on()
        server.row.tells(
            "the new one is shown, nobody dropped", f"{len(pairs)} of {len(pairs)}, and the stream went on"
        )
