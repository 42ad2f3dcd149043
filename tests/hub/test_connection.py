"""A connection is reached by the three callables that it was made with."""

from reverb_py.hub.connection import Connection
from reverb_py.protocol.frames import text_frame
from tests.fakes import APP


def test_a_message_is_sent_as_one_frame() -> None:
    sent: list[bytes] = []
    connection = Connection(APP, "1.2", write=sent.append, close=lambda code, reason: None)
    connection.send(b"{}")
    assert sent == [text_frame(b"{}")]


def test_two_connections_with_equal_values_are_two() -> None:
    first, second = (Connection(APP, "1.2", write=print, close=print) for _ in range(2))
    assert first != second
    assert len({first, second}) == 2


def test_a_connection_is_shown_by_its_socket_id_and_no_secret() -> None:
    shown = repr(Connection(APP, "1.2", write=print, close=print))
    assert "1.2" in shown
    assert "hunter2" not in shown
