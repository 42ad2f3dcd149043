"""What a dead node held is given back: by any node that lives, once."""

from collections.abc import Callable
from functools import partial

from reverb_py.cluster.redis import scripts
from reverb_py.cluster.redis.link import Link, Reply
from reverb_py.cluster.redis.names import Names
from reverb_py.cluster.redis.places import USERS
from reverb_py.hub import facts

PAGE = b"200"  # fields of a ledger at a time


class Burials:
    """Of one shard. Who vanishes with a node is told to the clients by the script, and as facts here."""

    def __init__(self, shard_names: Names, tell: Callable[[facts.Fact], None]) -> None:
        self._names = shard_names
        self._tell = tell
        self.verb = b"PUBLISH"

    def bury(self, link: Link, node: bytes, *, force: bool = False) -> None:
        """Give back what a node held, unless its lease runs: then only with `force`, by the node itself."""
        keys = (b"2", self._names.leases, self._names.ledger(node))
        arguments = (self._names.prefix, node, PAGE, self.verb, b"force" if force else b"")
        link.ask(partial(self._buried, link, node, force), b"EVALSHA", scripts.BURY.sha, *keys, *arguments)

    def _buried(self, link: Link, node: bytes, force: bool, reply: Reply) -> None:
        if not isinstance(reply, list):
            return
        more, *gone = reply
        for app_id, channel, user_id in zip(gone[::3], gone[1::3], gone[2::3], strict=True):
            place = app_id.decode(), channel.decode()
            if place[1] == USERS:
                continue
            if user_id is None:
                self._tell(facts.ChannelVacated(*place))
            else:
                self._tell(facts.MemberRemoved(*place, user_id.decode()))
        if more:
            self.bury(link, node, force=force)
