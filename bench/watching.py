"""Who is told of whom in a presence channel: `python -m bench.watching CHANNEL MEMBERS PATIENCE PORT…`.

One watcher is in the channel on each port. After the first line on stdin it says what became of the coming of members
"0", "1", …, after the second what became of their going: when each watcher has heard of the last one, or after PATIENCE
seconds. It listens a little longer, for what would be told twice.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from bench.process import KEY, SECRET

WATCHER = "watcher-"
CAME, WENT = "pusher_internal:member_added", "pusher_internal:member_removed"
LONGER = {CAME: 0.5, WENT: 2.5}  # seconds: every node looks for dead ones once a second


@dataclass(slots=True)
class Account:
    """What one watcher was told. `told` counts by event and user; `last` is when it came, monotonic seconds."""

    expected: set[str]
    told: dict[str, Counter[str]] = field(default_factory=lambda: {CAME: Counter(), WENT: Counter()})
    last: float = 0.0

    def note(self, event: str, user_id: str, now: float) -> None:
        self.told[event][user_id] += 1
        if user_id in self.expected:
            self.last = now

    def has_all(self, event: str) -> bool:
        return self.expected <= self.told[event].keys()

    def wrongs(self, event: str) -> list[str]:
        """Say who was not told of exactly once. Watchers come too, but none of them goes."""
        told, word = self.told[event], event.rpartition("_")[2]
        others = [each for each in told if each not in self.expected and (event == WENT or WATCHER not in each)]
        numbers = {
            f"of {len(self.expected)} members never {word}": len(self.expected - told.keys()),
            f"{word} more than once": sum(number > 1 for number in told.values()),
            f"{word} who are no members": len(others),
            "removed before the node was killed": 0 if event == WENT else len(self.told[WENT]),
        }
        return [f"{number} {what}" for what, number in numbers.items() if number]


async def join(port: int, channel: str) -> ClientConnection:
    """A watcher that is in the channel."""
    socket = await connect(f"ws://127.0.0.1:{port}/app/{KEY}?protocol=7", ping_interval=None, compression=None)
    socket_id = json.loads(json.loads(await socket.recv())["data"])["socket_id"]
    member = json.dumps({"user_id": f"{WATCHER}{port}"})
    signature = hmac.new(SECRET.encode(), f"{socket_id}:{channel}:{member}".encode(), hashlib.sha256).hexdigest()
    data = {"channel": channel, "auth": f"{KEY}:{signature}", "channel_data": member}
    await socket.send(json.dumps({"event": "pusher:subscribe", "data": data}))
    while "subscription_succeeded" not in str(await socket.recv()):
        pass
    return socket


async def listen(socket: ClientConnection, account: Account, is_news: asyncio.Event) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["event"] in account.told:
            account.note(message["event"], json.loads(message["data"])["user_id"], time.monotonic())
            is_news.set()


async def wait_for(event: str, accounts: Sequence[Account], is_news: asyncio.Event, patience: float) -> None:
    """Return a little after all was told, or after `patience` seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not all(each.has_all(event) for each in accounts):
                is_news.clear()
                await is_news.wait()
    await asyncio.sleep(LONGER[event])


def told(event: str, accounts: Mapping[int, Account]) -> dict[str, Any]:
    """What is said of it, by port."""
    return {
        str(port): {"wrong": each.wrongs(event), "heard": len(each.told[event]), "last": each.last}
        for port, each in accounts.items()
    }


async def main(channel: str, members: int, patience: float, ports: Sequence[int]) -> None:
    accounts = {port: Account({str(number) for number in range(members)}) for port in ports}
    is_news = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for port, account in accounts.items():
            tasks.create_task(listen(await join(port, channel), account, is_news))
        print(json.dumps({"connected": len(ports)}), flush=True)
        for event in (CAME, WENT):
            if not await asyncio.to_thread(sys.stdin.readline):
                break
            await wait_for(event, list(accounts.values()), is_news, patience)
            print(json.dumps(told(event, accounts)), flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # until it may go
        sys.exit()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), [int(port) for port in sys.argv[4:]]))
