"""What came of what was published. Pure counting: for each copy one call of `Listener.receive`."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, exp, log

STEPS = 100  # of the histogram for each factor of e: one percent apart
MOST_TEXTS = 20  # a server that puts something new into each refusal must not fill the memory
LONGEST_TEXT = 500


class Latencies:
    """A histogram: an hour costs no more memory than a second. Percentiles are right to one percent."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self.max = 0.0  # seconds, exactly

    def add(self, seconds: float) -> None:
        self._steps[int(log(max(seconds * 1e6, 1.0)) * STEPS)] += 1
        if seconds > self.max:
            self.max = seconds

    def percentile(self, share: float) -> float | None:
        """Seconds within which this share of the copies arrived; None when none did."""
        rank = ceil(share * self._steps.total())
        for step in sorted(self._steps):
            rank -= self._steps[step]
            if rank <= 0:
                return min(exp((step + 0.5) / STEPS) / 1e6, self.max)
        return None


class Texts:
    """How often something was said: the first MOST_TEXTS different texts, and the number of all."""

    def __init__(self) -> None:
        self.count = 0
        self.by_text: Counter[str] = Counter()

    def add(self, text: str) -> None:
        self.count += 1
        short = text.strip()[:LONGEST_TEXT]
        if short in self.by_text or len(self.by_text) < MOST_TEXTS:
            self.by_text[short] += 1


@dataclass(slots=True, eq=False)
class Channel:
    """The publishes of a channel, numbered from 0. Those in `unsure` were refused, or not answered yet."""

    sent: int = 0
    unsure: set[int] = field(default_factory=set)

    def begin(self) -> int:
        """The number of a publish that is about to be sent."""
        number = self.sent
        self.sent += 1
        self.unsure.add(number)
        return number


@dataclass(slots=True, eq=False)
class Listener:
    """What one subscriber of a channel has received. Missing are those below `next` that were overtaken."""

    tally: "Tally"
    channel: Channel
    next: int = 0
    missing: set[int] = field(default_factory=set)
    is_open: bool = True

    def receive(self, number: int, latency: float) -> None:
        """Count one copy. A number that nobody has sent is not ours: it replaces none that is missing."""
        if number == self.next < self.channel.sent:
            self.next += 1
        elif self.next < number < self.channel.sent:
            self.missing.update(range(self.next, number))
            self.next = number + 1
        elif number in self.missing:
            self.missing.remove(number)
            self.tally.disordered += 1
        else:
            if 0 <= number < self.next:
                self.tally.duplicates += 1
            return
        self.tally.delivered += 1
        self.tally.latencies.add(latency)

    @property
    def lost(self) -> int:
        """How many accepted publishes have not arrived (yet)."""
        unsure = self.channel.unsure
        ahead = self.channel.sent - self.next - sum(number >= self.next for number in unsure)
        return ahead + len(self.missing - unsure)


@dataclass(slots=True, eq=False)
class Tally:
    """Everything that one run counts; also while it runs, for whoever looks on."""

    channels: list[Channel]
    listeners: list[Listener] = field(default_factory=list)  # one for each subscription that was acknowledged
    not_connected: Texts = field(default_factory=Texts)
    closed: Texts = field(default_factory=Texts)  # connections that the server, or the network, ended
    published: int = 0  # and accepted
    refused: Texts = field(default_factory=Texts)  # publishes
    delivered: int = 0  # copies, each once
    disordered: int = 0  # that arrived behind one that was published later
    duplicates: int = 0
    strays: int = 0  # copies in a channel that is not their listener's
    latencies: Latencies = field(default_factory=Latencies)
    started: float | None = None  # when publishing began
    seconds: float = 0.0  # of publishing
    cpu: float = 0.0  # seconds of CPU time that this process used meanwhile
    interrupted: bool = False

    @property
    def lost(self) -> int:
        return sum(listener.lost for listener in self.listeners)

    @property
    def outstanding(self) -> int:
        """How many copies may still arrive: who was closed receives nothing any more."""
        return sum(listener.lost for listener in self.listeners if listener.is_open)

    @property
    def is_perfect(self) -> bool:
        """True when every copy arrived, once and in order, and nobody was refused or closed."""
        copies = (self.lost, self.duplicates, self.disordered, self.strays)
        wrong = (*copies, self.refused.count, self.not_connected.count)
        return not any(wrong) and not self.closed.count and bool(self.published)
