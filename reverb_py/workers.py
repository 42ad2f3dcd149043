"""`serve --workers N`: our own small parent, which holds the port, forks the workers and replaces those that die.

It passes signals on. It serves nobody and has neither a loop nor a thread: a fork copies nothing that is at work.
"""

import gc
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from reverb_py import server
from reverb_py.hub.app import Apps
from reverb_py.server import Addresses, cannot_listen
from reverb_py.settings import ConfigError, Settings
from reverb_py.transports.sockets import reserve

logger = logging.getLogger("reverb_py")

Serve = Callable[[int, socket.socket], int]
PAUSE = 1.0  # seconds between two starts of one worker: what dies at once must not keep the machine busy
HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
TOLD = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # what a worker hears from its parent


def run(
    settings: Settings,
    apps: Apps,
    *,
    begin: Callable[[int], None],
    on_listening: Callable[[Addresses], None],
    read_apps: Callable[[], Apps],
    origins: Mapping[str, str] | None = None,
) -> int:
    """Serve with several processes until a signal; return the exit code. The rest is as in `server.run`.

    `begin` is called in each worker with its number, before anything else; `on_listening` once, when all accept.
    """
    try:
        held = reserve(settings.host, settings.port)
    except OSError as error:
        return cannot_listen(error, settings, origins)
    addresses: Addresses = [sock.getsockname()[:2] for sock in held]
    work = Work(share(settings, addresses[0][1]), apps, held, begin, read_apps, origins)
    return Parent(settings.workers, work.serve, work.reload, lambda: on_listening(addresses)).run()


def share(settings: Settings, port: int) -> Settings:
    """One worker's part: of what is limited for the whole server, rounded up."""
    parts = {name: -(-getattr(settings, name) // settings.workers) for name in ("max_connections", "max_total_backlog")}
    return settings.model_copy(update={"port": port, **parts})


@dataclass(slots=True)
class Work:
    """What every worker does. `apps` are the last that could be read, for those that are started later."""

    settings: Settings
    apps: Apps
    held: list[socket.socket]
    begin: Callable[[int], None]
    read_apps: Callable[[], Apps]
    origins: Mapping[str, str] | None

    def serve(self, number: int, line: socket.socket) -> int:
        for each in self.held:
            each.close()
        self.begin(number)

        def listening(_: Addresses) -> None:
            with suppress(OSError):  # a parent that is gone is noticed in another way
                line.send(b".")

        return server.run(
            self._settings_of(number),
            self.apps,
            on_listening=listening,
            read_apps=self.read_apps,
            origins=self.origins,
            lifeline=line,
        )

    def _settings_of(self, number: int) -> Settings:
        """Each worker is asked for its own metrics; the first is number 1."""
        port = self.settings.metrics_port
        return self.settings.model_copy(update={"metrics_port": port + number - 1}) if port else self.settings

    def reload(self) -> bool:
        """Return True when the workers may read them too. What is wrong is told once, and not by each of them."""
        try:
            apps = self.read_apps()
        except ConfigError as error:
            logger.error("Nothing was reloaded, the server goes on as before: %s", error)
            return False
        except Exception:  # a fault of ours must not end what runs
            logger.exception("Nothing was reloaded, the server goes on as before")
            return False
        if len(apps):
            self.apps = apps
        return True


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that is alive, or not yet buried."""

    number: int
    started: float


class Parent:
    """Keeps `count` children alive until it is told to stop.

    A child is a call of `serve` with its number and its line to the parent. On this it writes one byte when it listens;
    it is closed when the parent is gone, however that went, since nobody else has the other end.
    """

    def __init__(
        self,
        count: int,
        serve: Serve,
        reload: Callable[[], bool],
        on_whole: Callable[[], None],
    ) -> None:
        """`on_whole` is called once, when all listen; `reload` says whether the children are told of a SIGHUP."""
        self._count = count
        self._serve = serve
        self._reload = reload
        self._on_whole = on_whole
        self._ours, self._line = socket.socketpair()
        self._signals, self._wakeup = socket.socketpair()
        self._workers: dict[int, Worker] = {}  # by process id
        self._due: dict[int, float] = {}  # when the next process of a number may start
        self._listening = 0
        self._stopping = False
        self._code = 0

    def run(self) -> int:
        """Return the exit code: 0 when all ended well after a signal, 2 when they said so at their start, else 1."""
        for each in (self._signals, self._wakeup, self._ours):
            each.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, _be_woken)
        gc.collect()
        gc.freeze()  # a collection would write to all that is shared: with this a worker costs 8 MB less
        self._due = dict.fromkeys(range(1, self._count + 1), time.monotonic())
        self._start_who_is_due()
        while self._workers or self._due:
            self._wait()
        signal.set_wakeup_fd(-1)
        return self._code

    def _wait(self) -> None:
        """Until something happens, and do what it asks for."""
        timeout = max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None
        readable, _, _ = select.select([self._signals, self._ours], [], [], timeout)
        for number in self._signals.recv(4_096) if self._signals in readable else b"":
            self._hear(number)
        if self._ours in readable:
            self._count_listening(len(self._ours.recv(4_096)))
        self._bury_the_dead()
        self._start_who_is_due()

    def _hear(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP and not self._stopping and self._reload():
            self._tell(signal.SIGHUP)

    def _stop(self) -> None:
        """Tell all to stop; the second time, to end at once."""
        self._tell(signal.SIGQUIT if self._stopping else signal.SIGTERM)
        self._stopping = True
        self._due.clear()

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._workers:
            os.kill(pid, number)  # it is alive or a zombie: only `_bury_the_dead` frees its number

    def _count_listening(self, more: int) -> None:
        was_whole = self._is_whole
        self._listening += more
        if self._is_whole and not was_whole and not self._stopping:
            self._on_whole()

    @property
    def _is_whole(self) -> bool:
        return self._listening >= self._count

    def _bury_the_dead(self) -> None:
        while self._workers:
            # Of all children: as the first process of a container it inherits orphans.
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is not None:
                self._judge(worker, os.waitstatus_to_exitcode(status))

    def _judge(self, worker: Worker, code: int) -> None:
        """A worker that dies is replaced, unless the server stops, or never came about."""
        how = f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"
        if self._stopping:
            if code:
                self._code = self._code or 1
            if code < 0:  # others have said why
                logger.error("Worker %d ended with %s", worker.number, how)
        elif code > 0 and not self._is_whole:  # it has said why
            logger.error("Worker %d could not start (%s), so that all stop", worker.number, how)
            self._code = 2 if code == 2 else 1
            self._stop()
        else:
            logger.error("Worker %d ended with %s, and is replaced", worker.number, how)
            self._due[worker.number] = worker.started + PAUSE

    def _start_who_is_due(self) -> None:
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            self._start(number, now)

    def _start(self, number: int, now: float) -> None:
        with _blocked():
            try:
                pid = os.fork()
            except OSError as error:  # no memory, or too many processes
                logger.error("Cannot start worker %d: %s", number, error.strerror)
                self._due[number] = now + PAUSE
                return
            if pid == 0:
                self._be_worker(number)
            self._workers[pid] = Worker(number, now)

    def _be_worker(self, number: int) -> NoReturn:
        """The child's whole life. It never returns into the parent's code."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for heard in HEARD:
                signal.signal(heard, signal.SIG_IGN if heard == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(HEARD) - set(TOLD))
            for each in (self._ours, self._signals, self._wakeup):
                each.close()
            code = self._serve(number, self._line)
        except BaseException:
            logger.exception("Worker %d failed", number)
        finally:
            logging.shutdown()
            os._exit(code)


def _be_woken(*_: object) -> None:
    """A signal without a handler of Python's would not wake `select`."""


@contextmanager
def _blocked() -> Iterator[None]:
    """Keep signals waiting while it is not clear whose they are, the parent's or the child's."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*HEARD, *TOLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
