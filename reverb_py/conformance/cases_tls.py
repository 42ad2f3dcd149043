"""TLS by the server itself, with a certificate that the launcher provides."""

import asyncio
import ssl
import warnings

from reverb_py.conformance.case import case
from reverb_py.conformance.cases_process import behind_prefix, launcher
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import Deviation, equal, that

OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
CURRENT = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@case("pp-15", apps=(), own_process=True)
async def tls_only_app_over_tls(target: Target) -> None:
    """An app for TLS only accepts a connection over TLS."""
    async with launcher(target)(env={"REVERB_APP_FORCE_TLS": "true"}, tls=True) as server:
        await behind_prefix(server.target)


@case("rb-162", apps=(), own_process=True)
async def tls_versions(target: Target) -> None:
    """With a certificate wss and https work over TLS 1.2 and 1.3, and older versions are refused."""
    async with launcher(target)(tls=True) as server:
        that("Starting secure server on" in server.output, f"expected a secure server in {server.output!r}")
        for version in CURRENT:
            equal(await negotiated(server.port, version), version.name.replace("_", "."), "the version")
        for version in OLD:
            try:
                found = await negotiated(server.port, version)
            except (ssl.SSLError, OSError):
                continue
            raise Deviation(f"expected {version.name} to be refused, but {found} was negotiated")
        await behind_prefix(server.target)


async def negotiated(port: int, version: ssl.TLSVersion) -> str | None:
    """The TLS version of a connection that offers this one alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the server that refuses the old ones
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are deprecated is the point
        context.minimum_version = context.maximum_version = version
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.close()
    return found.version()


@case("rb-163", apps=(), own_process=True)
async def no_tls(target: Target) -> None:
    """TLS settings of null are none: the server speaks plainly."""
    async with launcher(target)(env={"REVERB_TLS_CERT": "null", "REVERB_TLS_KEY": "null"}) as server:
        await behind_prefix(server.target)
