"""Credentials for development: generated once, kept in a file for the owner's eyes, and reused."""

import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path

from reverb_py.settings import ConfigError

PLACE = Path(".reverb") / "credentials.json"

_LETTERS = string.ascii_lowercase + string.digits
LENGTH = 20  # of key and secret, as reverb:install makes them


@dataclass(frozen=True, slots=True)
class Generated:
    """An app's credentials as they are kept."""

    id: str
    key: str
    secret: str = field(repr=False)


def development_credentials(directory: Path) -> Generated:
    """Return those of the directory, made and kept when there are none; raise ConfigError."""
    path = directory / PLACE
    try:
        return _read(path) if path.exists() else _keep(path, generate())
    except OSError as error:
        raise ConfigError(
            f"cannot keep generated credentials in {path}: {error.strerror}. Make the directory writable, or "
            "set REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET"
        ) from None


def kept(directory: Path) -> Generated | None:
    """Return those of the directory, None when there are none; raise ConfigError when they cannot be read."""
    path = directory / PLACE
    try:
        return _read(path) if path.exists() else None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None


def generate(secret_length: int = LENGTH) -> Generated:
    """New ones, of a form that every client library takes."""

    def random(length: int) -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(length))

    return Generated(str(secrets.randbelow(900_000) + 100_000), random(LENGTH), random(secret_length))


def _keep(path: Path, generated: Generated) -> Generated:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(generated), file, indent=2)
        file.write("\n")
    try:
        os.link(draft, path)  # unlike a rename it lets the first of two starts win
    except FileExistsError:
        return _read(path)
    finally:
        draft.unlink()
    return generated


def _read(path: Path) -> Generated:
    path.chmod(0o600)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        generated = Generated(kept["id"], kept["key"], kept["secret"])
        if not all(isinstance(each, str) and each for each in asdict(generated).values()):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} does not hold credentials: delete it, and new ones are generated") from None
    return generated
