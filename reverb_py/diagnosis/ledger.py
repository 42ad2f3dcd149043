"""What became of the last publishes and of the last refused subscriptions: a receipt for each, for a while.

No payload is kept, and no secret stands in a fact. Accepted and refused ones have rings of their own, so that a flood
of strangers' requests drives out no receipt of an event.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge

from reverb_py.hub import facts
from reverb_py.protocol.names import is_cache

CHANNELS = 50  # of one event that are kept
LONGEST = 200  # characters of an event's name, a path or a reason that are kept
UNHEARD = 1_000  # events without a receiver that a later subscription is compared with
LATE = 60  # seconds after which a subscription has nothing to do with an event before it

Kept = facts.Published | facts.RequestRefused


@dataclass(slots=True)
class Receipt:
    """One attempt to publish. `at` is Unix seconds."""

    at: float
    fact: Kept
    id: str
    more: int = 0  # channels that are not kept
    dropped: dict[str, int] | None = None  # channel -> subscribers that were closed as too slow to take it
    heard_after: float | None = None  # seconds until somebody subscribed to what nobody had heard


@dataclass(frozen=True, slots=True)
class RefusedSubscription:
    """`at` is Unix seconds."""

    at: float
    fact: facts.SubscriptionRefused


class Ledger:
    """The newest `size` of each kind; a `size` of 0 keeps none."""

    def __init__(self, node_id: str, size: int) -> None:
        self._node_id = node_id
        self._published: deque[Receipt] = deque(maxlen=size)
        self._refused: deque[Receipt] = deque(maxlen=size)
        self._subscriptions: deque[RefusedSubscription] = deque(maxlen=size)
        self._newest: dict[tuple[str, str], Receipt] = {}  # (app id, channel) -> its newest event among the published
        self._unheard: OrderedDict[tuple[str, str], Receipt] = OrderedDict()
        self._refusals = 0

    def published(self, fact: facts.Published, at: float) -> None:
        more = len(fact.received) - CHANNELS
        if more > 0 or len(fact.event) > LONGEST:
            # Those with receivers first: what is left must not look as if nobody had received it.
            most = sorted(fact.received.items(), key=lambda each: -each[1])
            fact = replace(fact, event=fact.event[:LONGEST], received=dict(most[:CHANNELS]))
        if not self._published.maxlen:
            return
        newest = self._newest
        if len(self._published) == self._published.maxlen:
            self._forget(self._published[0])
        receipt = Receipt(at, fact, fact.id, max(more, 0))
        self._published.append(receipt)
        for channel in fact.received:
            newest[fact.app_id, channel] = receipt
        if not all(fact.received.values()):
            self._note_unheard(receipt, fact)

    def _forget(self, receipt: Receipt) -> None:
        """It makes room: what would be counted with it, nobody could see."""
        newest, fact = self._newest, receipt.fact
        if isinstance(fact, facts.Published):
            for channel in fact.received:
                if newest.get(key := (fact.app_id, channel)) is receipt:
                    del newest[key]

    def _note_unheard(self, receipt: Receipt, fact: facts.Published) -> None:
        for channel, count in fact.received.items():
            if not count and not is_cache(channel):  # a cache channel gives it to whoever comes later
                self._unheard[fact.app_id, channel] = receipt
        while len(self._unheard) > UNHEARD:
            self._unheard.popitem(last=False)

    def refused(self, fact: facts.RequestRefused, at: float) -> None:
        self._refusals += 1
        kept = replace(
            fact,
            app_id=fact.app_id[:LONGEST],
            path=fact.path[:LONGEST],
            reason=fact.reason[: 5 * LONGEST],
            publisher=fact.publisher[:LONGEST],
            event=fact.event[:LONGEST],
            channels=tuple(name[:LONGEST] for name in fact.channels[:CHANNELS]),
        )
        self._refused.append(Receipt(at, kept, f"{self._node_id}-r{self._refusals}"))

    def subscription_refused(self, fact: facts.SubscriptionRefused, at: float) -> None:
        self._subscriptions.append(RefusedSubscription(at, replace(fact, reason=fact.reason[: 5 * LONGEST])))

    def subscribed(self, fact: facts.Subscribed, at: float) -> facts.Published | None:
        """Return the event that this subscription came too late for, if it was published just before."""
        receipt = self._unheard.pop((fact.app_id, fact.channel), None)
        if receipt is None or at - receipt.at > LATE or not isinstance(receipt.fact, facts.Published):
            return None
        receipt.heard_after = at - receipt.at
        return receipt.fact

    def dropped(self, app_id: str, channels: Iterable[str]) -> None:
        """A subscriber was closed as too slow: count it with the newest event of each of its channels."""
        for channel in channels:
            receipt = self._newest.get((app_id, channel))
            if receipt is not None:
                receipt.dropped = receipt.dropped or {}
                receipt.dropped[channel] = receipt.dropped.get(channel, 0) + 1

    def attempts(self, app_ids: Iterable[str]) -> Iterator[Receipt]:
        """Accepted and refused publishes of these apps, the newest first."""
        wanted = set(app_ids)
        both = merge(reversed(self._published), reversed(self._refused), key=lambda receipt: -receipt.at)
        return (receipt for receipt in both if receipt.fact.app_id in wanted)

    def strangers(self, known: Iterable[str]) -> set[str]:
        """The app ids of refused publishes that no app of this server has."""
        return {receipt.fact.app_id for receipt in self._refused} - set(known)

    def refused_subscriptions(self, app_id: str) -> Iterator[RefusedSubscription]:
        """The newest first."""
        return (each for each in reversed(self._subscriptions) if each.fact.app_id == app_id)
