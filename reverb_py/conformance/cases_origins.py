"""Which web pages may connect: the Origin header against an app's list."""

from reverb_py.conformance.case import case
from reverb_py.conformance.expect import handshake_refused
from reverb_py.conformance.target import Target
from reverb_py.conformance.verify import equal, within
from reverb_py.conformance.wire import client_frame


@case("pp-21")
async def any_origin(target: Target) -> None:
    """Without a list of allowed origins any Origin is accepted, and none."""
    for origin in (None, "http://localhost", "https://anywhere.example:8443", "null"):
        async with target.client(headers={"Origin": origin}):
            continue


@case("rb-6", apps=("C",))
async def origin_is_required(target: Target) -> None:
    """Where origins are listed, a client without one is refused with 4009; what it sends has no effect."""
    await handshake_refused(target, 4009, "C", told=True)
    channel = target.name("smuggled")
    subscribe = client_frame(b'{"event":"pusher:subscribe","data":{"channel":"%s"}}' % channel.encode())
    async with target.open("ORIGINS" if "ORIGINS" in target.apps else "C", behind=subscribe) as client:
        equal((await client.closed())[0], 4009, "the code of the close frame")
        events = [frame["event"] for frame in client.unread()]
        within(events, ([], ["pusher:error"]), "the frames before the close")


@case("rb-7", "rb-9", apps=("ORIGINS",))
async def listed_origins(target: Target) -> None:
    """A listed host is accepted with any scheme, port and path; other hosts, bare hosts, null are refused."""
    for origin in ("http://laravel.com", "https://laravel.com:8443", "http://laravel.com/path"):
        async with target.client("ORIGINS", headers={"Origin": origin}):
            continue
    refused = ["http://localhost", "http://sub.laravel.com", "null", "laravel.com", ""]
    for origin in [*refused, "http://laravel.com.evil.com", "http://evil.com/laravel.com"]:
        await handshake_refused(target, 4009, "ORIGINS", headers={"Origin": origin})


@case("rb-8", apps=("WILD", "LOCAL"))
async def origin_wildcards(target: Target) -> None:
    """A wildcard matches one label or many, and not their absence."""
    await handshake_refused(target, 4009, "WILD", headers={"Origin": "http://laravel.com"})
    accepted = [
        ("WILD", "http://sub.laravel.com"),
        ("WILD", "https://a.b.laravel.com"),
        ("LOCAL", "http://localhost:3000"),
        ("LOCAL", "http://sub.localhost"),
        ("LOCAL", "http://a.b.localhost"),
    ]
    for app, origin in accepted:
        async with target.client(app, headers={"Origin": origin}):
            continue
