"""What the kernel says of a process: memory, descriptors, time on a processor. Linux only."""

import os
import resource
from pathlib import Path

MB = 1_000_000


def rss(pid: int) -> int:
    """Bytes of memory that it holds now."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most bytes that it held since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let `peak` begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def peers(pid: int, port: int) -> list[str]:
    """The ports of those who are connected with its own by IPv4, as `52344 (01)`: 01 is established, 08 half-closed."""
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if int(local.rpartition(":")[2], 16) == port and state in ("01", "08"):
            found.append(f"{int(remote.rpartition(':')[2], 16)} ({state})")
    return found


def limit_descriptors(pid: int, count: int) -> None:
    """Let the process have so many, and no more, from now on."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))


def arguments(pid: int) -> str:
    """Its command line, as every user of the machine can see it."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def cpu_seconds(pid: int) -> float:
    """Seconds that it has spent on a processor, the kernel's work for it included."""
    # The name in the second field may hold blanks; utime and stime are the 14th and 15th (proc(5), stat).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has no {name} any more")
