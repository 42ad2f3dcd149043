"""The end of a user's connections, which a publisher asks for."""

import time

from reverb_py.conformance.case import case
from reverb_py.conformance.client import data_of
from reverb_py.conformance.expect import joins, member, signs_in, terminate, terminated
from reverb_py.conformance.target import Target, signed_query
from reverb_py.conformance.verify import equal


async def subscriptions(target: Target, channel: str) -> int:
    response = await target.get(f"/channels/{channel}", {"info": "subscription_count"})
    found: int = response.json()["subscription_count"] if response.json()["occupied"] else 0
    return found


@case("pp-170", "pp-173")
async def signed_in_user(target: Target) -> None:
    """Both connections that are signed in as the user are closed with 4009, no other; the user may come back."""
    user_id, other = target.name("u"), target.name("u")
    async with target.client() as one, target.client() as two, target.client() as stranger, target.client() as nobody:
        await signs_in(one, user_id)
        await signs_in(two, user_id)
        await signs_in(stranger, other)
        await terminate(target, user_id)
        for client in (one, two):
            await terminated(client)
        for client in (stranger, nobody):
            await client.nothing()
    async with target.client() as again:
        await signs_in(again, user_id)
        await again.nothing()


@case("pp-171", "rb-154")
async def member_of_a_presence_channel(target: Target) -> None:
    """A member with that id is closed without having signed in, and is gone from each of its channels."""
    presence, public = target.name("presence-one"), target.name("test-two")
    stays, goes = target.name("u123"), target.name("u456")
    async with target.client() as staying, target.client() as going:
        for client, user_id in ((staying, stays), (going, goes)):
            await joins(client, presence, member(user_id))
            await client.subscribed(public)
        equal(data_of(await staying.frame())["user_id"], goes, "who was added")
        await terminate(target, goes)
        await terminated(going)
        removed = await staying.frame()
        equal(removed["event"], "pusher_internal:member_removed", "what the other member is told")
        equal(data_of(removed), {"user_id": goes}, "the data of it")
        await staying.nothing()
        response = await target.get(f"/channels/{presence}/users")
        equal(response.json(), {"users": [{"id": stays}]}, "the users of the presence channel")
        equal(await subscriptions(target, public), 1, "the subscriptions of the public channel")


@case("pp-171", apps=("HOSTED",))
async def member_on_hosted(target: Target) -> None:
    """With hosted's rule a member that has not signed in stays, and one that has is closed."""
    presence, user_id = target.name("presence-x"), target.name("u")
    async with target.client("HOSTED") as staying, target.client("HOSTED") as going:
        await joins(staying, presence, member(user_id))
        await signs_in(going, user_id)
        await terminate(target, user_id, "HOSTED")
        await terminated(going)
        await staying.nothing()


@case("rb-155")
async def numeric_id(target: Target) -> None:
    """A member whose user_id is a number is found by its decimal text, and not by the beginning of it."""
    number = time.time_ns() // 1_000  # nobody else's, and below 2**53
    async with target.client() as client:
        await joins(client, target.name("presence-x"), member(number))
        for wrong in (f"{number}0", f"0{number}", str(number)[:-1]):
            await terminate(target, wrong)
        await client.nothing()
        await terminate(target, number)
        await terminated(client)


@case("rb-156", "rb-157")
async def among_others(target: Target) -> None:
    """A user is found whose first channel is a public one, among clients that have no user at all."""
    user_id, public = target.name("u"), target.name("public")
    async with target.client() as before, target.client() as user, target.client() as after:
        await before.subscribed(public)
        await user.subscribed(public)
        await user.subscribed(target.name("private-x"))
        await joins(user, target.name("presence-x"), member(user_id))
        await after.subscribed(public)
        await after.subscribed(target.name("private-x"), channel_data=member(user_id))
        await terminate(target, user_id)
        await terminated(user)
        for client in (before, after):
            await client.nothing()
        equal(await subscriptions(target, public), 2, "the subscriptions of the public channel")


@case("rb-154")
async def who_was_a_member(target: Target) -> None:
    """Who left the presence channel, and did not sign in, does not belong to the user any more."""
    user_id, channel = target.name("u"), target.name("presence-x")
    async with target.client() as client:
        await joins(client, channel, member(user_id))
        await client.unsubscribe(channel)
        await client.nothing()
        await terminate(target, user_id)
        await client.nothing()


@case("pp-172", "rb-158")
async def unknown_user(target: Target) -> None:
    """The end of a user whom nobody knows is answered by 200 and {}; below /channels there is no such thing."""
    await terminate(target, target.name("u"))
    response = await target.post("/channels/users/x/terminate_connections", {})
    equal(response.status_code, 404, "the status below /channels")


@case("pp-170", apps=("MAIN", "MIN"))
async def user_of_another_app(target: Target) -> None:
    """A user with that id in another app is left alone."""
    user_id = target.name("u")
    async with target.client("MIN") as client:
        await signs_in(client, user_id)
        await joins(client, target.name("presence-x"), member(user_id))
        await terminate(target, user_id, "MAIN")
        await client.nothing()
        await terminate(target, user_id, "MIN")
        await terminated(client)


@case("pp-174")
async def path_without_the_app(target: Target) -> None:
    """Python's client leaves /apps/<id> out of this path, and signs it so: the app is found by the auth_key."""
    app, user_id = target.apps["MAIN"], target.name("u")
    path = f"/users/{user_id}/terminate_connections"
    async with target.client() as client:
        await signs_in(client, user_id)
        wrong = signed_query(app, "POST", path, b"{}", {}, {"secret": "another secret"})
        stranger = signed_query(app, "POST", path, b"{}", {}, {"key": "another-key"})
        for query, status in ((wrong, 401), (stranger, 404), ("", 404)):
            response = await target.http("POST", f"{path}?{query}", b"{}")
            equal(response.status_code, status, f"the status of what is signed wrongly, {response.text[:200]!r}")
        await client.nothing()
        query = signed_query(app, "POST", path, b"{}", {}, {})
        response = await target.http("POST", f"{path}?{query}", b"{}", {"Content-Type": "application/json"})
        equal((response.status_code, response.text), (200, "{}"), "the answer")
        await terminated(client)
