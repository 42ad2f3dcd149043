"""Reads a Laravel project's text files, bounded. It runs nothing of it, and follows no link out of it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 1_000_000  # bytes of a file
MOST = 2_000  # files
# Files by name, then folders by the ends of the names that are looked at.
FILES = (
    *("config/broadcasting.php", "config/queue.php", "bootstrap/app.php", "bootstrap/cache/config.php"),
    *("routes/channels.php", "config/app.php", "pubspec.yaml", "composer.json"),
)
FOLDERS = {
    "app": (".php",),
    "routes": (".php",),
    "resources/js": (".js", ".ts", ".vue", ".jsx", ".tsx", ".svelte"),
    "resources/views": (".php",),
}
SKIPPED = frozenset({"node_modules", "vendor", ".git"})


@dataclass(frozen=True, slots=True)
class Project:
    """The texts by their paths inside the project, with `/` between the parts."""

    files: dict[str, str]
    is_whole: bool = True  # no file was too large, and there were not too many

    def under(self, folder: str) -> dict[str, str]:
        return {path: text for path, text in self.files.items() if path.startswith(folder + "/")}

    def text(self, path: str) -> str:
        return self.files.get(path, "")


def read_project(root: Path) -> Project:
    """Read what the rules look at. What cannot be read is left out, and makes the project not whole."""
    files: dict[str, str] = {}
    is_whole = True
    for path in _paths(root):
        if len(files) >= MOST:
            return Project(files, is_whole=False)
        text = _read(path, root)
        if text is None:
            is_whole = False
        else:
            files[path.relative_to(root).as_posix()] = text
    return Project(files, is_whole)


def _paths(root: Path) -> Iterator[Path]:
    named = (root / name for name in FILES)
    seen: set[Path] = set()
    for path in (*named, *_walked(root)):
        if path not in seen and path.is_file():
            seen.add(path)
            yield path


def _walked(root: Path) -> Iterator[Path]:
    for folder, ends in FOLDERS.items():
        for place, folders, names in os.walk(root / folder):
            folders[:] = sorted(set(folders) - SKIPPED)
            yield from _matching(Path(place), names, ends)


def _matching(place: Path, names: Iterable[str], ends: tuple[str, ...]) -> Iterator[Path]:
    yield from (place / name for name in sorted(names) if name.endswith(ends))


def _read(path: Path, root: Path) -> str | None:
    try:
        if not path.resolve().is_relative_to(root.resolve()) or path.stat().st_size > LARGEST:
            return None
        return path.read_text(errors="replace")
    except OSError:
        return None
