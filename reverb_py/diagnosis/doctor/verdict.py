"""From findings to a verdict: the six hops, the most probable cause first, and how it ends. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from reverb_py import codes
from reverb_py.codes import Code, Hop
from reverb_py.diagnosis.doctor.finding import Finding, Status

# What a check that passes proves (V1 to V4 of the model of six hops). A loopback proves the server's part of MATCH
# and DELIVER; that a client's binding runs is proved by nothing that can be seen from outside.
PROVES: dict[str, tuple[Hop, ...]] = {
    "credentials": (Hop.PUBLISH,),
    "loopback": (Hop.PUBLISH, Hop.MATCH, Hop.DELIVER),
    "channel.event": (Hop.PUBLISH, Hop.MATCH, Hop.DELIVER),
    "channel.publishes": (Hop.FIRE, Hop.QUEUE, Hop.PUBLISH),
    "channel.watch": (Hop.FIRE, Hop.QUEUE, Hop.PUBLISH),
    "lint.queue": (Hop.QUEUE,),
}
# A doubt about a value is over once what it warned of has been seen to work, by the check on the right.
DISPELLED: dict[str, tuple[str, ...]] = {
    "lint.scheme": ("network.tls",),
    "lint.private": ("network.names",),
    "lint.queue": ("channel.publishes", "channel.watch"),
    "lint.variable": ("laravel.variable",),
}
# What two files say about an address is nothing against events that have come back from it.
DISPROVED: dict[str, tuple[str, ...]] = {"compare.port": ("loopback",), "compare.key": ("websocket.client",)}
# What a check on the left finds is known already when one on the right has found a failure with the same code.
REPEATS = {"websocket.client": "compare.key"}
# Where a failed check belongs that has no code.
PLACES = {"network": Hop.PUBLISH, "identify": Hop.PUBLISH, "credentials": Hop.PUBLISH, "loopback": Hop.MATCH}
REFUSALS = (
    codes.UNKNOWN_APP,
    codes.WRONG_SECRET,
    codes.WRONG_KEY,
    codes.CLOCK_SKEW,
    codes.UNKNOWN_KEY,
    codes.OVER_QUOTA,
)
ANSWERS = ("identify", "credentials")  # checks whose findings, other than of silence, prove that a server is there
_LAST = len(Hop)


class Outcome(Enum):
    """How an examination ends."""

    FINE = "fine"
    PROBLEMS = "problems"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class HopState:
    """What is known of one hop. `code` is why events are lost there, or, while unknown, may be."""

    hop: Hop
    status: Status  # PASS, FAIL, or SKIP: not known
    code: Code | None = None
    milliseconds: float = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was found. `findings` in the order of their weight."""

    findings: tuple[Finding, ...]
    hops: tuple[HopState, ...]
    outcome: Outcome

    def of(self, status: Status) -> list[Finding]:
        return [each for each in self.findings if each.status is status]


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Weigh what was found, in the order in which it was."""
    found = list(findings)
    proved = {each.check for each in found if each.status is Status.PASS}
    failed = {(each.check, each.code) for each in found if each.status is Status.FAIL}
    kept = (each for each in found if not (_is_dispelled(each, proved) or _is_repeated(each, failed)))
    ordered = tuple(sorted(kept, key=_weight))
    return Verdict(ordered, tuple(_hop(hop, ordered) for hop in Hop), _outcome(ordered))


def _is_dispelled(finding: Finding, proved: set[str]) -> bool:
    by = DISPROVED.get(finding.check, ())
    if finding.status is Status.WARN:
        by += DISPELLED.get(finding.check, ())
    return not proved.isdisjoint(by)


def _is_repeated(finding: Finding, failed: set[tuple[str, Code | None]]) -> bool:
    known = REPEATS.get(finding.check)
    return known is not None and finding.status is Status.FAIL and (known, finding.code) in failed


def _weight(finding: Finding) -> tuple[int, bool, int]:
    """Failures first; what a log tells may be over; an event is lost at the first hop that fails."""
    rank = (Status.FAIL, Status.WARN, Status.PASS, Status.SKIP).index(finding.status)
    hop = hop_of(finding)
    return rank, finding.check == "log", list(Hop).index(hop) if hop else _LAST


def hop_of(finding: Finding) -> Hop | None:
    """Return where events are lost by what was found; None when that is not known."""
    if _refuses_clients(finding):
        return Hop.DELIVER
    if finding.code:
        return finding.code.hop
    return PLACES.get(finding.check.partition(".")[0])


def _refuses_clients(finding: Finding) -> bool:
    """Return True for a wrong key beside the right id and secret: publishes are accepted, handshakes are not."""
    return finding.check == "websocket" and finding.code is codes.WRONG_KEY


def _hop(hop: Hop, findings: Sequence[Finding]) -> HopState:
    here = [each for each in findings if hop_of(each) is hop]
    failed = next((each for each in here if each.status is Status.FAIL), None)
    if failed:
        return HopState(hop, Status.FAIL, failed.code)
    proofs = [each for each in findings if each.status is Status.PASS and hop in PROVES.get(each.check, ())]
    if proofs:
        return HopState(hop, Status.PASS, None, proofs[0].milliseconds)
    doubt = next((each for each in here if each.status is Status.WARN), None)
    return HopState(hop, Status.SKIP, doubt.code if doubt else None)


def _outcome(findings: Sequence[Finding]) -> Outcome:
    failed = [each for each in findings if each.status is Status.FAIL]
    answered = any(each.check.startswith(ANSWERS) for each in findings if not _is_silence(each))
    if any(map(_is_silence, failed)) and not answered:
        return Outcome.UNREACHABLE
    asked = (each for each in failed if each.check in ("credentials", "websocket") and not _refuses_clients(each))
    if any(each.code in REFUSALS for each in asked):
        return Outcome.REFUSED
    return Outcome.PROBLEMS if failed else Outcome.FINE


def _is_silence(finding: Finding) -> bool:
    """Return True when it tells of nobody, or of somebody who accepts a connection and says nothing."""
    return finding.status is Status.SKIP or finding.check.startswith("network.") or finding.code is codes.SATURATED
