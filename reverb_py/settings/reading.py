"""Reading a file without waiting for it: a reload happens inside the loop."""

import os
import stat
from errno import EINVAL
from pathlib import Path


def read_text(path: Path, errors: str = "strict") -> str:
    """The file's text (UTF-8). Raise UnicodeDecodeError, or OSError, also for what may never end: a pipe, a device."""
    with open(path, encoding="utf-8", errors=errors, opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(EINVAL, "it is a pipe or a device, and must be a regular file, which can be read again")
        return file.read()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # else a FIFO waits for its writer
