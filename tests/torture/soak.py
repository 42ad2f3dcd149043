"""Churn of every kind for minutes: `python -m tests.torture.soak --minutes 10`.

It prints what memory and descriptors were, and fails when memory grew in the second half, a descriptor stayed open, or
a bystander missed an event. Memory is not judged in the first WARM seconds, in which stores are filling.

Rounds are finished before it looks whether descriptors are back: one that is cancelled in its middle leaves a socket
open on the client's side, and the server keeps its own as long as it says, 75 seconds for HTTP (REVERB_KEEP_ALIVE) and
90 for a silent client. When all have hung up it has to wait for nothing.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from tests.torture import proc
from tests.torture.churn import KINDS, Churn, repeat
from tests.torture.proc import MB
from tests.torture.rows import Row
from tests.torture.watching import Watched, watched

SAMPLE = 5.0  # seconds between two looks
WARM = 90.0  # seconds
BOUND = 1.0  # MB a minute that memory may grow in the second half; one that is flat wavers by less
FAILURES = 500  # of an address and kind in a minute: reached in each, after some 15 seconds of it
TOLERANCE = 48 * MB  # the store of last events and the receipts are filling meanwhile


@dataclass(frozen=True, slots=True)
class Sample:
    seconds: float
    rss: int
    descriptors: int


def slope(samples: Sequence[Sample]) -> float:
    """How memory grows, in MB a minute, by least squares."""
    middle = sum(each.seconds for each in samples) / len(samples)
    mean = sum(each.rss for each in samples) / len(samples)
    above = sum((each.seconds - middle) * (each.rss - mean) for each in samples)
    below = sum((each.seconds - middle) ** 2 for each in samples)
    return above / (below or 1.0) * 60 / MB


def judged(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The second half of them, or less: none of the first seconds. Empty when it was too short."""
    late = [each for each in samples[len(samples) // 2 :] if each.seconds >= WARM]
    return late if len(late) > 1 else ()


async def look(server: Watched, seconds: float) -> list[Sample]:
    """Samples for so long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    samples: list[Sample] = []
    while (passed := loop.time() - began) < seconds:
        samples.append(Sample(passed, proc.rss(server.pid), proc.descriptors(server.pid)))
        await asyncio.sleep(SAMPLE)
    return samples


async def soak(minutes: float) -> int:
    """Run it, print its figures, return the exit code."""
    row, counts, ending = Row("soak", "soak"), dict[str, int](), asyncio.Event()
    numbers, random = count(), Random(7)
    env = {"REVERB_CACHE_SIZE": str(4 * MB), "REVERB_MAX_FAILURES": str(FAILURES)}
    async with watched(row, env=env, tolerance=TOLERANCE) as server:
        targets = [server.another_target() for _ in KINDS]
        async with asyncio.TaskGroup() as tasks:
            for kind, target in zip(KINDS, targets, strict=True):
                tasks.create_task(repeat(kind, Churn(server, target, random, numbers), counts, ending))
            samples = await look(server, minutes * 60)
            ending.set()
        for target in targets:
            await target.aclose()
        report(samples, counts, server)
    print(f"     descriptors back {server.back_after:.1f} s after the last round")
    print(f"          events {row.sent:8} to the bystanders, {row.lost} lost")
    late = judged(samples)
    return int(bool(late) and slope(late) > BOUND)


def report(samples: Sequence[Sample], counts: dict[str, int], server: Watched) -> None:
    """Print the figures."""
    for name, number in sorted(counts.items()):
        print(f"{name:>16} {number:8} rounds")
    print(f"         slowest {server.stream.slowest * 1000:.0f} ms from a trigger to both bystanders")
    for name, values, unit in (
        ("memory", [each.rss / MB for each in samples], " MB"),
        ("descriptors", [float(each.descriptors) for each in samples], ""),
    ):
        print(f"{name:>16} first {values[0]:.1f}{unit}, last {values[-1]:.1f}{unit}, most {max(values):.1f}{unit}")
    late = judged(samples)
    growth = f"{slope(late):+.3f} MB a minute from second {late[0].seconds:.0f} on" if late else "not judged: too short"
    print(f"           slope {growth}, bound {BOUND}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    return asyncio.run(soak(parser.parse_args().minutes))


if __name__ == "__main__":
    sys.exit(main())
