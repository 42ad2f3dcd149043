"""The scripts that Redis runs, each from its own .lua file: what they change, they change in one step."""

import hashlib
from importlib.resources import files


class Script:
    """A script's text, and the name by which Redis knows it once it was loaded."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


STATE, BURY, BEAT, KEEP = (Script(name) for name in ("state", "bury", "beat", "keep"))
ALL = (STATE, BURY, BEAT, KEEP)
