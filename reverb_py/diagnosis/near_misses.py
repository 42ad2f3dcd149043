"""Which occupied channels a publish may have meant, when nobody is subscribed to the one that it named.

Pure, and bounded: it runs in the server for a publish that nobody received, with tens of thousands of channels.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import islice

from reverb_py.codes import NAME_DIFFERS, PREFIX_DIFFERS, Code

LOOKED_AT = 20_000  # names of one search, some milliseconds
COMPARED = 200  # names that are compared letter by letter, at some 20 microseconds each
LETTERS_OFF = 2
MOST_IDS = 10  # parts of a name between its ids

PREFIXES = (
    *("private-", "presence-", "private-encrypted-", "private-cache-", "presence-cache-", "cache-"),
    "private-encrypted-cache-",
)
# Atomic groups, here and below: a name in which two branches fit at many places must not be tried in all combinations.
_PREFIX = re.compile("(?:" + "|".join(sorted(map(re.escape, PREFIXES), key=len, reverse=True)) + ")*+")
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# `null` and its like, and nothing at all, are what a template makes of a variable that was not set.
_ID = (
    rf"(?>(?:{_UUID}|[0-9]+|(?=[a-f]*[0-9])[0-9a-f]{{8,}}|[0-9A-HJKMNP-TV-Z]{{26}}|null|undefined|NaN)"
    r"(?![0-9A-Za-z]))"
)
_IDS = re.compile(rf"(?<![0-9A-Za-z]){_ID}|(?<=\.)(?=\.)")


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An occupied channel that looks like the one in question."""

    channel: str
    code: Code  # PREFIX_DIFFERS or NAME_DIFFERS
    why: str  # how it differs, a few words


def near_misses(channel: str, occupied: Iterable[str], limit: int = 3) -> list[NearMiss]:
    """Return at most `limit` occupied channels that look like `channel`, the likeliest first; never itself.

    A Mapping or Set is asked for the prefixes by membership; of any collection LOOKED_AT names are looked at.
    """
    names = occupied if isinstance(occupied, Mapping | Set) else dict.fromkeys(islice(occupied, LOOKED_AT))
    found = {miss.channel: miss for miss in islice(other_prefixes(channel, names), limit)}
    for miss in similar(channel, names, limit) if len(found) < limit else ():
        found.setdefault(miss.channel, miss)
    return list(found.values())[:limit]


def other_prefixes(channel: str, names: Mapping[str, object] | Set[str]) -> Iterator[NearMiss]:
    """Yield those that differ in their prefix; some fifty lookups, whatever the number of names."""
    base = _base(channel)
    if not base:
        return
    given = channel[: -len(base)]
    doubled = (first + second for first in PREFIXES for second in PREFIXES)
    for prefix in dict.fromkeys((*PREFIXES, "", *doubled)):
        if prefix != given and prefix + base in names:
            yield NearMiss(prefix + base, PREFIX_DIFFERS, _prefix_words(given, prefix))


def _prefix_words(given: str, prefix: str) -> str:
    if not given:
        return f"the prefix {prefix} is missing"
    if not prefix:
        return f"the prefix {given} is too much"
    if given != prefix and given.endswith(prefix):
        return f"the prefix {prefix} is doubled"
    return f"its prefix is {prefix} instead of {given}"


def similar(channel: str, names: Iterable[str], limit: int) -> list[NearMiss]:
    """Return those of another case, then with another id, then some letters off: one walk over the names."""
    fits, worth_comparing = _template(channel), _worth_comparing(channel, _IDS.findall(channel))
    length, lowered = len(channel), channel.lower()
    cases: list[NearMiss] = []
    others: list[NearMiss] = []
    typos: list[NearMiss] = []
    compared = 0
    for name in islice(names, LOOKED_AT):
        if name == channel:
            continue
        if len(others) < limit and fits is not None and fits(name):
            others.append(_another_id(channel, name))
        elif abs(len(name) - length) > LETTERS_OFF or compared == COMPARED:
            continue
        elif len(name) == length and name.lower() == lowered:
            cases.append(NearMiss(name, NAME_DIFFERS, "capital letters differ"))
        elif worth_comparing(name):
            compared += 1
            typos += _mistyped(channel, name)
    return [*cases, *others, *sorted(typos, key=lambda miss: miss.why)]


def _template(channel: str) -> Callable[[str], object] | None:
    """Return what matches the same words with other ids, whatever the prefix; None for a name without ids."""
    base = _base(channel)
    words = [re.escape(word) for word in _IDS.split(base)]
    if not 1 < len(words) <= MOST_IDS:  # an expression of hundreds of parts takes a tenth of a second to build
        return None
    return re.compile(_PREFIX.pattern + (_ID + "?").join(words)).fullmatch


def _another_id(channel: str, name: str) -> NearMiss:
    same_prefix = name.removesuffix(_base(name)) == channel.removesuffix(_base(channel))
    ours, theirs = _IDS.findall(_base(channel)), _IDS.findall(_base(name))
    pairs = [(our, their) for our, their in zip(ours, theirs, strict=False) if our != their]
    our, their = pairs[0] if pairs else ("", "")
    why = f"it has {their or 'nothing'} where this one has {our or 'nothing'}"
    return NearMiss(name, NAME_DIFFERS, why if same_prefix else f"{why}, and another prefix")


def _worth_comparing(channel: str, ids: list[str]) -> Callable[[str], bool]:
    """Two letters off leave one of three parts as it was. A mistyped word has the same ids, or too many names fit."""
    third = len(channel) // 3
    first, second, last = channel[:third], channel[third : -third or None], channel[-third:]
    id = max(ids, key=len, default="")  # the longest alone: this is asked of every name
    return lambda name: id in name and (first in name or last in name or second in name)


def _mistyped(channel: str, name: str) -> list[NearMiss]:
    letters = next((count for count in range(1, LETTERS_OFF + 1) if _within(channel, name, count)), 0)
    # Of a short name two letters are half of it.
    if not letters or len(_base(channel)) < 4 * letters:
        return []
    return [NearMiss(name, NAME_DIFFERS, f"{letters} {'letter' if letters == 1 else 'letters'} off")]


def _within(a: str, b: str, edits: int) -> bool:
    """Return True when at most `edits` letters have to be put in, left out or replaced."""
    if abs(len(a) - len(b)) > edits:
        return False
    same = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[same:], b[same:]
    if not a or not b:
        return True
    if not edits:
        return False
    return any(_within(x, y, edits - 1) for x, y in ((a[1:], b[1:]), (a[1:], b), (a, b[1:])))


def _base(channel: str) -> str:
    match = _PREFIX.match(channel)
    return channel[match.end() :] if match else channel
