"""What Prometheus is told: counted from facts, read from the node, over a real port."""

import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reverb_py import codes
from reverb_py.hub import facts
from reverb_py.metrics import Metrics, serve
from reverb_py.protocol.triggers import Trigger
from tests.fakes import World
from tests.server_process import ServerProcess, free_port

PUBLISHED = facts.Published("3", "e", {"a": 2, "b": 0}, 2, 0.001, "")


class Asked:
    """The port's answer, by name and labels."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            self.text = answer.read().decode()
        families = text_string_to_metric_families(self.text)
        samples = [sample for family in families for sample in family.samples]
        self.values = {(each.name, *each.labels.values()): each.value for each in samples}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def port(world: World) -> Iterator[int]:
    metrics, port = Metrics(world.node), free_port()
    world.node.tell = metrics
    end = serve(metrics, "127.0.0.1", port)
    yield port
    end()


def test_what_happens_is_counted(world: World, port: int) -> None:
    ann, ben = world.client(), world.client()
    ann.subscribes("private-a")
    ben.subscribes("private-a")
    ben.subscribes("private-b", auth="nonsense:really")
    ben.says("client-e", {}, channel="private-a")
    ann.leaves(1006)
    for fact in (
        PUBLISHED,
        facts.Published("3", "e", {"a": 0}, 2, 0.001, ""),
        facts.Published("3", "e", {"a": 5}, 2, 0.001, "", is_elsewhere=True),
        facts.RequestRefused("3", "POST", "/apps/3/events", 401, codes.WRONG_SECRET, "no"),
        facts.RequestRefused("a stranger's", "POST", "/apps/x/events", 404, None, "no"),
        facts.Disconnected("3", "9.9", 3999, "anything a client may say"),
    ):
        world.node.tell(fact)
    assert Asked(port).values == {
        ("reverb_connections", "3"): 1,
        ("reverb_capacity",): 0,
        ("reverb_connections_opened_total", "3"): 2,
        ("reverb_connections_closed_total", "3", "1006"): 1,
        ("reverb_connections_closed_total", "3", "other"): 1,
        ("reverb_publishes_total", "3", "delivered"): 2,
        ("reverb_publishes_total", "3", "nobody"): 1,
        ("reverb_publishes_total", "3", "401"): 1,
        ("reverb_publishes_total", "", "404"): 1,
        ("reverb_deliveries_total", "3"): 3,
        ("reverb_client_events_total", "3"): 1,
        ("reverb_subscriptions_refused_total", "3", codes.SUBSCRIPTION_REFUSED.id): 1,
    }


def test_no_channel_and_no_event_is_a_label(world: World, port: int) -> None:
    world.client().subscribes("private-secret-plan")
    world.node.trigger(world.app, Trigger("secret.event", "{}", ("private-secret-plan",)))
    assert "secret" not in Asked(port).text


def test_a_server_shows_them_where_it_was_told_to() -> None:
    port = free_port()
    with ServerProcess("--dev", env={"REVERB_METRICS_PORT": str(port)}) as server:
        server.wait_until_ready()
        assert ("reverb_capacity",) in Asked(port).values
        assert f"Metrics on http://127.0.0.1:{port}/metrics" in server.output
        server.terminate()
        assert server.wait() == 0


def test_a_port_that_is_taken_is_told_with_its_variable() -> None:
    with ServerProcess("--dev") as first:
        first.wait_until_ready()
        with ServerProcess("--dev", env={"REVERB_METRICS_PORT": str(first.port)}) as second:
            assert second.wait() == 1
            assert "REVERB_METRICS_PORT" in second.output
