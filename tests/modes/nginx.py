"""A real nginx on loopback, unprivileged, with everything that it writes in a directory of the test."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server_process import free_port

BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(BINARY is None, reason="nginx is not installed (Debian: nginx-light)")

TEMPORARY = " ".join(
    f"{kind}_temp_path {{directory}}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
CONFIGURATION = (
    """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; """
    + TEMPORARY
    + """
  server {{ listen 127.0.0.1:{port}{tls}; {locations} }} }}
"""
)
UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'


def passes_all(upstream: int, extra: str = "") -> str:
    """What the documentation says: everything to the server, upgrades included."""
    return f"location / {{ proxy_pass http://127.0.0.1:{upstream}; {UPGRADE} {extra} }}"


@contextmanager
def nginx(directory: Path, locations: str, *, tls: str = "") -> Iterator[int]:
    """Run it with these locations; give its port. `tls` are the lines that a listener with `ssl` needs."""
    assert BINARY is not None
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(directory=directory, port=port, tls=" ssl" if tls else "", locations=f"{tls} {locations}")
    )
    process = subprocess.Popen([BINARY, "-p", str(directory), "-c", str(configuration), "-e", "stderr"])
    try:
        _wait_until_open(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_open(port: int, process: "subprocess.Popen[bytes]", seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
