"""A parent whose children do one small thing, as a process: `python -m tests.workers.small <what> <count>`.

Each child prints its number and the time as it starts. The parent prints "whole" when all listen.
"""

import logging
import os
import signal
import socket
import sys
import time

from reverb_py import workers

LATER = 0.2  # seconds


def ends_with(code: int) -> workers.Serve:
    """Ends before it listens."""
    return lambda number, line: code


def waits(number: int, line: socket.socket) -> int:
    """Listens, until it is told to end; SIGTERM is 0 and SIGQUIT 3."""
    line.send(b".")
    signal.pthread_sigmask(signal.SIG_BLOCK, workers.TOLD)
    return 3 if signal.sigwait(workers.TOLD) == signal.SIGQUIT else 0


def dies(number: int, line: socket.socket) -> int:
    """Listens, and ends as if that were all right."""
    line.send(b".")
    return 0


def dies_late(number: int, line: socket.socket) -> int:
    """The same, a while later than the pause between two starts."""
    time.sleep(workers.PAUSE + LATER)
    return dies(number, line)


def first_fails(number: int, line: socket.socket) -> int:
    """The first never listens, the others do, and take their time to end."""
    return 2 if number == 1 else waits(number, line)


def raises(number: int, line: socket.socket) -> int:
    raise RuntimeError("a fault of ours")


def is_stubborn(number: int, line: socket.socket) -> int:
    """Ends with 1 when it is told to."""
    return waits(number, line) or 1


def no_processes() -> int:
    raise BlockingIOError(11, "Resource temporarily unavailable")


CASES: dict[str, workers.Serve] = {
    "waits": waits,
    "dies": dies,
    "dies late": dies_late,
    "ends with 1": ends_with(1),
    "ends with 2": ends_with(2),
    "first fails": first_fails,
    "raises": raises,
    "is stubborn": is_stubborn,
}


def main(what: str, count: int) -> int:
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    fork, refusals = os.fork, [no_processes] if what == "no processes" else []
    os.fork = lambda: (refusals.pop() if refusals else fork)()
    serve = CASES.get(what, waits)

    def child(number: int, line: socket.socket) -> int:
        print(f"start {number} {time.monotonic()}", flush=True)
        return serve(number, line)

    return workers.Parent(count, child, lambda: True, lambda: print("whole", flush=True)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
