"""Who is where on a single node: what became true with a join or a leave is said exactly once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverb_py.cluster.occupancy import Full, Joined, Left, LocalOccupancy, Outcome, Seat
from reverb_py.protocol.members import Member

ANN, BEN = Member("ann", b'{"n":1}'), Member("ben")


class Seats:
    """One channel's seats, with answers returned instead of told."""

    def __init__(self, occupancy: LocalOccupancy, app_id: str = "3", channel: str = "presence-x") -> None:
        self.occupancy = occupancy
        self.app_id = app_id
        self.channel = channel

    def _seat(self, member: Member | None) -> Seat:
        return Seat(self.app_id, self.channel, "1.1", member)

    def join(self, member: Member | None, limit: int = 0) -> Outcome:
        answers: list[Outcome] = []
        self.occupancy.join(self._seat(member), limit, answers.append)
        (answer,) = answers
        return answer

    def look(self) -> Joined:
        answers: list[Joined] = []
        self.occupancy.look(self._seat(None), answers.append)
        (answer,) = answers
        return answer

    def leave(self, member: Member | None) -> Left:
        answers: list[Left] = []
        self.occupancy.leave(self._seat(member), answers.append)
        (answer,) = answers
        return answer


@pytest.fixture
def seats() -> Seats:
    return Seats(LocalOccupancy())


def test_a_channel_is_occupied_by_the_first_and_vacated_by_the_last(seats: Seats) -> None:
    assert seats.join(None) == Joined(occupied=True, member_added=False, members={})
    assert seats.join(None) == Joined(occupied=False, member_added=False, members={})
    assert seats.leave(None) == Left(vacated=False, member_removed=False)
    assert seats.leave(None) == Left(vacated=True, member_removed=False)


def test_a_user_is_added_with_its_first_connection_and_removed_with_its_last(seats: Seats) -> None:
    assert seats.join(ANN) == Joined(True, True, {"ann": b'{"n":1}'})
    assert seats.join(BEN) == Joined(False, True, {"ann": b'{"n":1}', "ben": b"null"})
    assert seats.join(ANN) == Joined(False, False, {"ann": b'{"n":1}', "ben": b"null"})
    assert seats.leave(ANN) == Left(False, False)
    assert seats.leave(ANN) == Left(False, True)
    assert seats.leave(BEN) == Left(True, True)


def test_the_first_info_of_a_user_stays_while_the_user_stays(seats: Seats) -> None:
    seats.join(ANN)
    joined = seats.join(Member("ann", b'{"n":2}'))
    assert isinstance(joined, Joined)
    assert joined.members == {"ann": b'{"n":1}'}
    seats.leave(ANN)
    seats.leave(ANN)
    assert seats.join(Member("ann", b'{"n":2}')) == Joined(True, True, {"ann": b'{"n":2}'})


def test_what_was_true_at_a_join_does_not_change_afterwards(seats: Seats) -> None:
    joined = seats.join(ANN)
    seats.join(BEN)
    assert joined == Joined(True, True, {"ann": b'{"n":1}'})


def test_a_full_channel_refuses_further_users_and_takes_further_connections(seats: Seats) -> None:
    seats.join(ANN, limit=2)
    seats.join(BEN, limit=2)
    before = seats.look()
    assert seats.join(Member("cy"), limit=2) == Full(2)
    assert seats.look() == before
    assert seats.join(BEN, limit=2) == Joined(False, False, before.members)
    seats.leave(ANN)
    assert isinstance(seats.join(Member("cy"), limit=2), Joined)


def test_a_look_tells_the_members_and_takes_no_seat(seats: Seats) -> None:
    assert seats.look() == Joined(False, False, {})
    assert seats.occupancy._seats == {}
    seats.join(ANN)
    assert seats.look() == Joined(False, False, {"ann": b'{"n":1}'})
    assert seats.leave(ANN) == Left(True, True)


def test_apps_and_channels_are_apart() -> None:
    occupancy = LocalOccupancy()
    here, there, elsewhere = Seats(occupancy), Seats(occupancy, "4"), Seats(occupancy, "3", "presence-y")
    here.join(ANN)
    assert [isinstance(each.join(ANN), Joined) for each in (there, elsewhere)] == [True, True]
    assert here.leave(ANN) == Left(True, True)
    assert there.look().members == elsewhere.look().members == {"ann": b'{"n":1}'}


def test_to_give_back_a_seat_that_nobody_has_is_a_fault(seats: Seats) -> None:
    with pytest.raises(KeyError):
        seats.leave(None)


async def test_questions_are_answered_with_connections_and_distinct_users(seats: Seats) -> None:
    occupancy = seats.occupancy
    assert await occupancy.channels("3") == {}
    for member in (BEN, ANN, BEN):
        seats.join(member)
    Seats(occupancy, "3", "my-channel").join(None)
    assert await occupancy.channels("3") == {"presence-x": (3, 2), "my-channel": (1, 0)}
    assert await occupancy.members("3", "presence-x") == ["ben", "ann"]
    assert await occupancy.subscriptions("3", "presence-x") == 3
    assert await occupancy.channels("4") == {}
    assert (await occupancy.members("3", "nowhere"), await occupancy.subscriptions("3", "nowhere")) == ([], 0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, "a", "b"])), max_size=40))
def test_facts_come_exactly_on_the_way_from_none_to_one_and_back(steps: list[tuple[bool, str | None]]) -> None:
    seats, here = Seats(LocalOccupancy()), Counter[str | None]()
    for joins, user_id in steps:
        member = Member(user_id) if user_id else None
        if joins:
            joined = seats.join(member)
            assert isinstance(joined, Joined)
            assert joined.occupied == (here.total() == 0)
            assert joined.member_added == (user_id is not None and here[user_id] == 0)
            here[user_id] += 1
        elif here[user_id]:
            here[user_id] -= 1
            left = seats.leave(member)
            assert left.vacated == (here.total() == 0)
            assert left.member_removed == (user_id is not None and here[user_id] == 0)
        assert set(seats.look().members) == {user_id for user_id in here if user_id and here[user_id]}
    for user_id in here.elements():
        seats.leave(Member(user_id) if user_id else None)
    assert seats.occupancy._seats == {}
