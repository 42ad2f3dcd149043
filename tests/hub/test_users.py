"""Who is signed in is found by app and id, and forgotten with the connection."""

from dataclasses import replace

from reverb_py.hub.app import App
from reverb_py.hub.connection import Connection
from reverb_py.hub.users import Users
from reverb_py.protocol.members import User
from tests.fakes import APP

OTHER = replace(APP, id="4")


def connection(app: App = APP) -> Connection:
    return Connection(app, "1.2", write=print, close=print)


def test_a_user_is_found_on_all_of_its_connections() -> None:
    users, phone, laptop, stranger = Users(), connection(), connection(), connection()
    users.sign_in(phone, User("7"))
    users.sign_in(laptop, User("7"))
    users.sign_in(stranger, User("8"))
    assert set(users.of("3", "7")) == {phone, laptop}
    assert phone.user == User("7")


def test_the_same_id_in_another_app_is_another_user() -> None:
    users, mine, theirs = Users(), connection(), connection(OTHER)
    users.sign_in(mine, User("7"))
    users.sign_in(theirs, User("7"))
    assert list(users.of("4", "7")) == [theirs]


def test_a_connection_that_left_is_not_found_and_nothing_of_it_is_kept() -> None:
    users, one, two = Users(), connection(), connection()
    users.sign_in(one, User("7"))
    users.sign_in(two, User("7"))
    users.leave(one)
    assert list(users.of("3", "7")) == [two]
    users.leave(two)
    users.leave(two)
    assert list(users.of("3", "7")) == []
    assert users._connections == {}


def test_to_sign_in_again_as_the_same_user_is_to_be_there_once() -> None:
    users, one = Users(), connection()
    users.sign_in(one, User("7"))
    users.sign_in(one, User("7"))
    users.leave(one)
    assert list(users.of("3", "7")) == []


def test_a_connection_that_never_signed_in_may_leave() -> None:
    users = Users()
    users.leave(connection())
    assert list(users.of("3", "7")) == []
