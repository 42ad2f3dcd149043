"""A real Redis on the loopback that a test may kill, pause and restart.

    with RedisProcess() as redis:
        redis.client().set("name", "Ann")
        redis.restart()  # on the same port, and empty

It keeps nothing on disk. Full memory needs no option: `redis.client().config_set("maxmemory", 1)`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.conformance.fixture import CERTIFICATE
from tests.ports import lasting_port
from tests.redis_binaries import Binary, default_binary
from tests.server_process import POLL

CERT, KEY = CERTIFICATE["REVERB_TLS_CERT"], CERTIFICATE["REVERB_TLS_KEY"]


class RedisProcess:
    """One Redis. It listens on `port` (with TLS on nothing else) and, without TLS, on the socket file `socket` too."""

    def __init__(
        self,
        *options: str,
        binary: Binary | None = None,
        port: int | None = None,
        user: str = "",
        password: str = "",
        tls: bool = False,
    ) -> None:
        """`options` as on the command line: `"--maxmemory", "4mb"`. With `user`, nobody else gets in.

        `port` of None means one that no client of this machine takes while Redis is away.
        """
        self.binary = binary or default_binary()
        self.port = lasting_port() if port is None else port
        self.user, self.password, self.tls = user, password, tls
        self.directory = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = self.directory / "redis.sock"
        self._log = self.directory / "output.log"
        self._options = (*self._listening(), *self._entrance(), *options)
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[redis.Redis | PubSub] = []
        self._own = self.client()
        self._own.response_callbacks.clear()

    @property
    def url(self) -> str:
        """For REDIS_URL, with user and password: redis://, or rediss:// with TLS."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The same by another port, which leads here."""
        return f"redis{'s' if self.tls else ''}://{self._login()}127.0.0.1:{port}"

    @property
    def unix_url(self) -> str:
        return f"unix://{self._login()}{self.socket}"

    @property
    def output(self) -> str:
        """All that it has printed until now, over all its starts."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, **options: Any) -> redis.Redis:
        """A client that is not ours, for a look from outside: it tries once, and waits 5 s for an answer.

        `options` are redis-py's: another `port`, no `password`.
        """
        where = {"host": "127.0.0.1", "port": self.port}
        login = {"username": self.user or None, "password": self.password or None}
        trusting = {"ssl": True, "ssl_ca_certs": CERT} if self.tls else {}
        patience = {"socket_timeout": 5, "retry": Retry(NoBackoff(), 0)}
        client = redis.Redis(**{**where, **login, **trusting, **patience, **options})
        self._clients.append(client)
        return client

    def subscriber(self, channel: str, *, sharded: bool = False, **options: Any) -> PubSub:
        """A subscriber that is not ours, likewise; it is subscribed when it is returned."""
        pubsub: PubSub = self.client(**options).pubsub()  # type: ignore[no-untyped-call]
        self._clients.append(pubsub)
        (pubsub.ssubscribe if sharded else pubsub.subscribe)(channel)
        assert pubsub.get_message(timeout=5) is not None
        return pubsub

    def ask(self, *words: str | int) -> Any:
        """The answer to one command as Redis gave it: b"OK", lists, numbers."""
        return self._own.execute_command(*words)  # type: ignore[no-untyped-call]

    def start(self) -> Self:
        """Start it, empty; `wait_until_ready` follows unless the test wants to see it come."""
        arguments = [self.binary.path, *self._options, "--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, cwd=self.directory)
        return self

    def wait_until_ready(self, seconds: float = 10.0) -> Self:
        """Return when it answers a PING; raise RuntimeError with the output if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        client = self.client(socket_timeout=1)
        while not _answers(client):
            if not self.is_running:
                raise RuntimeError(f"{self.binary.name} ended, never ready:\n{self.output}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.binary.name} was not ready within {seconds:g} s:\n{self.output}")
            time.sleep(POLL)
        return self

    def stop(self) -> None:
        """SIGTERM, as an operator does: it closes its connections and ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a machine does that is switched off."""
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        """Kill it, if it runs, and start it on the same port: it comes back empty, and scripts are unknown to it."""
        if self.is_running:
            self.kill()
        return self.start().wait_until_ready()

    def pause(self) -> None:
        """SIGSTOP: connections stay and new ones are accepted by the kernel, but nothing is answered."""
        self._running.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)  # from here on it does nothing

    def resume(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it, by force if need be, and remove its directory with the output."""
        for client in self._clients:
            client.close()
        if self.is_running:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _listening(self) -> list[str]:
        if not self.tls:
            return ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.socket)]
        files = ["--tls-cert-file", CERT, "--tls-key-file", KEY, "--tls-ca-cert-file", CERT]
        return ["--bind", "127.0.0.1", "--port", "0", "--tls-port", str(self.port), *files, "--tls-auth-clients", "no"]

    def _entrance(self) -> list[str]:
        if self.user:
            rights = ["on", f">{self.password}", "~*", "&*", "+@all"]
            return ["--user", "default", "off", "--user", self.user, *rights]
        return ["--requirepass", self.password] if self.password else []

    def _login(self) -> str:
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.password else ""

    def _end(self, number: signal.Signals) -> None:
        self._running.send_signal(number)
        self._running.wait(10)

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("Redis was not started")
        return self._process

    def __enter__(self) -> Self:
        try:
            return self.start().wait_until_ready()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def until(look: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Look until it is true; raise TimeoutError with the text (what should be) when it does not become so."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}, but it was not so after {seconds:g} s")
        time.sleep(POLL)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
