"""As much of PHP as the doctor reads: comments taken away, classes, methods, and the values of env() calls. Pure text.

It is no parser. What it does not recognize it leaves out, so that a rule stays silent rather than wrong.
"""

import re
from dataclasses import dataclass

# A string first, so that `//` and `#` inside one are no comment; `#[` begins an attribute.
_TOKENS = re.compile(
    r"""(?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*|\#(?!\[)[^\n]*""", re.DOTALL
)
_CLASS = re.compile(
    r"^[ \t]*(?:(?:final|readonly)\s+)*class\s+(?P<name>\w+)"
    r"(?:\s+extends\s+(?P<parent>[\\\w]+))?(?:\s+implements\s+(?P<interfaces>[\\\w\s,]+?))?\s*\{",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class PhpClass:
    """A file's first class, without comments."""

    path: str
    name: str
    parent: str  # last part of its name; "" without one
    interfaces: tuple[str, ...]  # last parts of their names
    text: str  # the whole file

    def method(self, name: str) -> str | None:
        """The text between the braces of that method; None when the class has none."""
        return method(self.text, name)

    def uses(self, trait: str) -> bool:
        """Return True when the class takes this trait in; an import at the top does not count."""
        body = self.text[self.text.find("{") :]
        return bool(re.search(rf"\buse\s[^;({{]*\b{trait}\b", body))


def without_comments(text: str) -> str:
    """The text with its comments blanked, so that lines keep their numbers."""
    return _TOKENS.sub(lambda found: found["string"] or re.sub(r"[^\n]", " ", found[0]), text)


def php_class(path: str, text: str) -> PhpClass | None:
    """Return the file's first class; None when it has none (an enum, an interface, a trait)."""
    code = without_comments(text)
    found = _CLASS.search(code)
    if not found:
        return None
    interfaces = tuple(part.strip().rpartition("\\")[2] for part in (found["interfaces"] or "").split(","))
    parent = (found["parent"] or "").rpartition("\\")[2]
    return PhpClass(path, found["name"], parent, tuple(filter(None, interfaces)), code)


def method(text: str, name: str) -> str | None:
    """Return what stands between a function's braces, or None."""
    found = re.search(rf"\bfunction\s+{name}\s*\([^)]*\)\s*(?::\s*[\\\w|?\s]+)?\{{", text)
    if not found:
        return None
    depth, at = 1, found.end()
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[found.end() : at - 1]


def line_of(text: str, at: int) -> int:
    """The number of the line that position is in."""
    return text.count("\n", 0, at) + 1
