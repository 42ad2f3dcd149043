"""What is said about a setting beside its type; the table, `--help` and the TOML file come from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """`variables` in their order of preference; `text` is one line and cites where the default comes from."""

    text: str
    variables: tuple[str, ...]
    unit: str = ""
    shown_default: str = ""  # for people, where the bare value would say nothing
    choices: tuple[str, ...] = ()
    secret: bool = False  # its value stands in no message, and may come from a file named by `<variable>_FILE`
