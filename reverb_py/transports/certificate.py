"""Another certificate for a context that is in use: a loop keeps the one with which it began to listen."""

import ssl

import uvicorn
from uvicorn.config import create_ssl_context


def exchange(config: uvicorn.Config, cert: str, key: str) -> None:
    """Have who connects from now on shown this pair, and no other; raise OSError when it cannot be used.

    To load it into the context in use would add it: that keeps one pair for each type of key, the old one too.
    """
    new = create_ssl_context(
        certfile=cert,
        keyfile=key,
        password="-",  # noqa: S106  # of none of our keys: without one OpenSSL may ask for it on the terminal
        ssl_version=config.ssl_version,
        cert_reqs=config.ssl_cert_reqs,
        ca_certs=config.ssl_ca_certs,
        ciphers=config.ssl_ciphers,
    )

    def switch(peer: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        peer.context = new

    assert config.ssl is not None
    config.ssl.sni_callback = switch  # called for each hello, whether it names a server or not
