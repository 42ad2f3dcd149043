"""An occupancy whose questions take their time, as those over a network would."""

import asyncio

from reverb_py.cluster.occupancy import LocalOccupancy
from tests.transports.in_process import Running


class SlowOccupancy(LocalOccupancy):
    """`asked` is set by `GET /channels`, which is answered when `released` is."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.released = asyncio.Event()

    async def channels(self, app_id: str) -> dict[str, tuple[int, int]]:
        self.asked.set()
        await self.released.wait()
        return await super().channels(app_id)


def slow(server: Running) -> SlowOccupancy:
    """Give the server such an occupancy."""
    server.node.occupancy = occupancy = SlowOccupancy()
    return occupancy
