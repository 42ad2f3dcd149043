"""What a run is to do: where, how many, how often. Names and randomness come from outside; no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import orjson

from reverb_py import __version__
from reverb_py.conformance.target import TargetApp

EVENT = "bench"
SMALLEST_PAYLOAD = 64  # bytes; number and timestamp need up to 50
MOST_EVENTS = 1_000_000_000  # what nobody waits for is a slip of the keyboard
LONGEST = 30 * 86_400  # seconds: of the run, and of connecting before it
MOST_PUBLISHERS = 64  # keep-alive connections; more of them would measure the sockets' number


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `run` is in the name of each channel, so that no other run or client is disturbed."""

    url: str  # ws://host:port[/prefix] or wss://…
    http_url: str  # http://host:port[/prefix] or https://…
    app: TargetApp
    run: str
    connections: int
    channels: int  # at most as many as connections: each has a listener
    rate: float  # events a second, of all channels
    payload: int  # bytes of each event's data
    duration: float  # seconds of publishing
    private: bool = False
    connect_rate: float = 200.0  # new connections a second

    @property
    def excess(self) -> str:
        """What of it is more than anybody would wait for; "" when nothing is."""
        if self.duration > LONGEST:
            return "--duration must be at most 30 days"
        if self.rate * self.duration > MOST_EVENTS:
            return f"--rate and --duration make more than {MOST_EVENTS:,} events"
        if self.connections / self.connect_rate > LONGEST:
            return f"{self.connections:,} connections would take more than 30 days at this --connect-rate"
        return ""

    @property
    def events(self) -> int:
        return max(1, round(self.rate * self.duration))

    @property
    def publishers(self) -> int:
        return min(self.channels, MOST_PUBLISHERS)

    @property
    def address(self) -> SplitResult:
        """Where a client connects to."""
        query = f"protocol=7&client=reverb-py-bench&version={__version__}"
        return urlsplit(f"{self.url}/app/{self.app.key}?{query}")

    def channel(self, index: int) -> str:
        return f"{'private-' if self.private else ''}bench-{self.run}-{index}"

    def schedule(self, publisher: int) -> Iterator[tuple[int, float]]:
        """The events of one publisher: channel, and seconds after the start.

        A channel has one publisher, and a publisher waits for each answer: so there is an order to be kept.
        """
        for first in range(0, self.events, self.channels):
            for index in range(publisher, min(self.channels, self.events - first), self.publishers):
                yield index, (first + index) / self.rate

    def body(self, index: int, number: int, at: float) -> bytes:
        """The body of a publish: its `data` says which event of the channel it is, and when it was sent."""
        head = f'{{"n":{number},"at":{at:.6f},"fill":"'
        data = f'{head}{"." * (self.payload - len(head) - 2)}"}}'
        return orjson.dumps({"name": EVENT, "channels": [self.channel(index)], "data": data})


def place(address: SplitResult) -> tuple[str, int]:
    """Host and port of a URL that has a host."""
    secure = address.scheme in ("wss", "https")
    return address.hostname or "", address.port or (443 if secure else 80)
