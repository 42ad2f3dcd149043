"""Env files and their values, read as Laravel reads them (phpdotenv 5, then Laravel's `env()`).

Pure: text in, values out. It opens no file and never looks at the process's own environment.
"""

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass

Value = bool | str | None

_WORDS: dict[str, Value] = {
    **{"true": True, "(true)": True, "false": False, "(false)": False},
    **{"null": None, "(null)": None, "empty": "", "(empty)": ""},
}
_QUOTED = re.compile(r"""\A(['"])(.*)\1\Z""", re.DOTALL)
_NAME = re.compile(r"[\w.]+")
_REFERENCE = re.compile(r"\$\{([a-zA-Z0-9_.]+)\}")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that phpdotenv refuses (Laravel would not boot), with what was wrong; never its value."""

    line: int
    name: str  # of the variable; "" where what stands there may be a part of a value
    what: str


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The variables of a file in its order, unquoted, and the lines that could not be read."""

    values: dict[str, str]
    problems: tuple[Problem, ...] = ()


def value(text: str) -> Value:
    """Return what Laravel's `env()` makes of a variable: true, false, null, "" for `empty`, or the text.

    The words count in any case and in brackets too; one pair of quotes is taken away.
    """
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    quoted = _QUOTED.match(text)
    return quoted[2] if quoted else text


def parse(text: str, environ: Mapping[str, str] | None = None) -> EnvFile:
    """Read an env file. `environ` is set already: it wins in `${NAME}`, as for phpdotenv.

    A line that phpdotenv would refuse is left out and told in `problems`; an unknown `${NAME}` stays.
    """
    set_already = environ or {}
    values: dict[str, str] = {}
    problems: list[Problem] = []
    known = ChainMap(dict(set_already), values)
    for number, entry in _entries(text.removeprefix("\ufeff")):
        name, separator, raw = entry.partition("=")
        name = name.strip().removeprefix("export ").strip().strip("'\"")
        if not _NAME.fullmatch(name):
            problems.append(Problem(number, _shown(name), "the name is not valid"))
        elif separator:
            try:
                values[name] = _read(raw.strip(), known)
            except ValueError as error:
                problems.append(Problem(number, name, str(error)))
    return EnvFile(values, tuple(problems))


def _shown(name: str) -> str:
    """What may be told of a name that is none: a line of a longer value (a PEM key, base64) looks like one too."""
    found = _NAME.match(name) if name.startswith("REVERB_") else None
    return found[0] if found else ""


def _entries(text: str) -> list[tuple[int, str]]:
    """Split into entries with the numbers of their first lines; a double quote may hold line ends."""
    entries: list[tuple[int, str]] = []
    open_at, open_lines = 0, list[str]()
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if open_lines:
            open_lines.append(line)
            if _closes(line):
                entries.append((open_at, "\n".join(open_lines)))
                open_lines = []
        elif _opens(line):
            open_at, open_lines = number, [line]
        elif line.strip() and not line.lstrip().startswith("#"):
            entries.append((number, line))
    if open_lines:  # never closed: only its first line is at fault
        rest = "\n".join(open_lines[1:])
        entries.append((open_at, open_lines[0]))
        entries += [(open_at + number, entry) for number, entry in _entries(rest)]
    return entries


def _opens(line: str) -> bool:
    _, separator, raw = line.partition("=")
    raw = raw.lstrip()
    is_comment = line.lstrip().startswith("#")
    return bool(separator) and not is_comment and raw.startswith('"') and not _closes(raw[1:])


def _closes(line: str) -> bool:
    """Return True when a double quote stands in it that no backslash takes away."""
    return '"' in re.sub(r"\\.", "", line)


def _read(raw: str, known: Mapping[str, str]) -> str:
    if raw.startswith("'"):
        inner, closed, rest = raw[1:].partition("'")
        if not closed:
            raise ValueError("a single quote is not closed")
        _check_rest(rest)
        return inner
    if raw.startswith('"'):
        inner, end = _double_quoted(raw, known)
        _check_rest(raw[end:])
        return inner
    bare = raw.partition("#")[0].rstrip()
    if re.search(r"\s", bare):
        raise ValueError("it holds spaces and must stand in quotes")
    return _resolve(bare, known)


def _check_rest(rest: str) -> None:
    """After the closing quote only spaces and a comment may follow."""
    if rest.strip() and not rest.lstrip().startswith("#"):
        raise ValueError("something follows the closing quote")


def _double_quoted(raw: str, known: Mapping[str, str]) -> tuple[str, int]:
    """Return the text between the quotes, and where it ends behind the closing one."""
    parts: list[str] = []
    at = 1
    while at < len(raw):
        character = raw[at]
        if character == '"':
            return "".join(parts), at + 1
        if character == "\\":
            escaped = raw[at + 1 : at + 2]
            if escaped not in _ESCAPES:
                raise ValueError(f"\\{escaped} is no escape; write \\\\ for a backslash")
            parts.append(_ESCAPES[escaped])
            at += 2
        elif character == "$" and (reference := _REFERENCE.match(raw, at)):
            parts.append(known.get(reference[1], reference[0]))
            at = reference.end()
        else:
            parts.append(character)
            at += 1
    raise ValueError("a double quote is not closed")


def _resolve(text: str, known: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda reference: known.get(reference[1], reference[0]), text)
