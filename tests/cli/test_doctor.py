"""`reverb-py doctor` as people meet it: with a server, with several sources, with mistakes in its use."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.doctor_process import KEY, SECRET, WEB, changed, doctor
from tests.laravel_project import EVENT, cached_config, project, write
from tests.server_process import REPOSITORY, ServerProcess, free_port

FINE, PROBLEMS, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4
APP = {"REVERB_APP_ID": "912345", "REVERB_APP_KEY": KEY, "REVERB_APP_SECRET": SECRET}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the right server listens."""
    with ServerProcess(env=APP) as process:
        process.wait_until_ready()
        yield process.port
        assert SECRET not in process.output


def local(port: int, changes: str = "") -> str:
    """The variables of a stack on this machine in which everything is right but these changes."""
    here = f"APP_URL=http://localhost\nREVERB_HOST=127.0.0.1\nREVERB_PORT={port}\nREVERB_SCHEME=http\n"
    return changed(changed(WEB, here), changes)


def test_with_a_server_that_works_it_proves_three_hops_in_under_five_seconds(place: Path, port: int) -> None:
    place.joinpath(".env").write_text(local(port))
    ran = doctor(place, "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err, found["ok"], found["meta"]["outcome"]) == (FINE, "", True, "fine")
    states = {hop: state["status"] for hop, state in found["hops"].items()}
    assert states == {
        **{"fire": "unknown", "queue": "pass", "publish": "pass", "match": "pass", "deliver": "pass"},
        "handle": "unknown",
    }
    assert found["meta"]["duration_ms"] < 5_000
    assert found["meta"]["sources"] == [".env"]


def test_its_json_has_the_promised_form(place: Path, port: int) -> None:
    ran = doctor(place, "--env-file", "-", "--json", stdin=local(port, "QUEUE_CONNECTION=database"))
    found = json.loads(ran.out)
    assert set(found) == {"ok", "hops", "checks", "meta"}
    fields = {"check", "code", "hop", "status", "title", "evidence", "fix", "docs", "duration_ms"}
    assert all(set(check) == fields for check in found["checks"])
    assert {check["status"] for check in found["checks"]} <= {"pass", "warn", "fail", "skip"}
    first = found["checks"][0]
    assert (first["code"], first["hop"], first["docs"]) == ("RVB110", "queue", "reverb-py explain RVB110")
    assert (ran.out.count("\n"), ran.code) == (1, FINE)


class Edge(BaseHTTPRequestHandler):
    """Sends everybody to https, as Railway's edge does."""

    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://{self.headers['Host']}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def edge() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Edge) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


# The causes of the report that this project began with: the app connects and subscribes, and no event arrives.
CAUSES: list[Any] = [
    pytest.param("RVB111", {"worker": "-BROADCAST_CONNECTION\n-REVERB_APP_ID\n-REVERB_APP_SECRET"}, {}, id="worker"),
    pytest.param("RVB203", {"web": "REVERB_SCHEME=https"}, {}, id="https to the plain port"),
    pytest.param("RVB209", {"web": "REVERB_PORT=6001"}, {}, id="another port"),
    pytest.param("RVB120", {}, {EVENT: ("implements ShouldBroadcast, ", "implements ")}, id="no ShouldBroadcast"),
    pytest.param("RVB124", {}, {"app/Http/Controllers/TicketController.php": "<?php\n"}, id="never dispatched"),
    pytest.param("RVB103", {}, {"bootstrap/cache/config.php": cached_config("localhost", SECRET)}, id="cached"),
    pytest.param("RVB204", {"edge": ""}, {}, id="redirected"),
    pytest.param("RVB401", {}, {EVENT: ("new PrivateChannel('cust", "new Channel('cust")}, id="a public channel"),
]


@pytest.mark.parametrize(("code", "variables", "files"), CAUSES)
def test_each_of_the_likely_causes_is_named_first(
    place: Path, port: int, edge: int, code: str, variables: dict[str, str], files: dict[str, Any]
) -> None:
    target = edge if "edge" in variables else port
    web = local(target, "QUEUE_CONNECTION=database")
    texts = {whose: changed(web, variables.get(whose, "")) for whose in ("web", "worker", "server")}
    texts["server"] = changed(texts["server"], f"REVERB_SERVER_PORT={target}\n{variables.get('server', '')}")
    write(place, {**project(files), **{f"{whose}.env": text for whose, text in texts.items()}})
    others = ("--worker-env", "worker.env", "--server-env", "server.env", "--laravel-path", ".")
    ran = doctor(place, "--env-file", "web.env", *others)
    assert code in ran.first_of("✖"), ran.out
    assert code in "".join(ran.out.splitlines()[:3])
    assert ran.code in (PROBLEMS, UNREACHABLE)


def test_exit_codes_tell_silence_from_a_refusal(place: Path, port: int) -> None:
    place.joinpath(".env").write_text(local(port, f"REVERB_APP_SECRET={SECRET}x"))
    refused = doctor(place)
    assert (refused.code, "RVB302" in refused.first_of("✖")) == (REFUSED, True), refused.out
    place.joinpath(".env").write_text(local(free_port()))
    silent = doctor(place)
    assert (silent.code, "H3 PUBLISH ✖" in silent.out) == (UNREACHABLE, True), silent.out
    assert silent.out.count("not checked, nothing answers") == 1


def test_it_publishes_to_the_users_channel_on_request_only(place: Path, port: int) -> None:
    place.joinpath(".env").write_text(local(port))
    silent = doctor(place, "--channel", "private-never", "--watch", "1s", "--json")
    assert not any(check["check"] == "channel.event" for check in json.loads(silent.out)["checks"])
    asked = doctor(place, "--channel", "private-never", "--event", "ticket.assigned", "--data", '{"id": 1}', "--json")
    (sent,) = [check for check in json.loads(asked.out)["checks"] if check["check"] == "channel.event"]
    assert "ticket.assigned" in sent["title"]


def test_the_time_to_watch_is_not_taken_from_the_time_to_answer(place: Path, port: int) -> None:
    place.joinpath(".env").write_text(local(port))
    ran = doctor(place, "--channel", "private-quiet", "--watch", "2s", "--timeout", "500ms")
    assert "the rest was not checked" not in ran.out, ran.out


def test_a_server_that_never_answers_ends_it_in_time_as_unreachable(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.joinpath(".env").write_text(local(silent.getsockname()[1]))
        started = time.monotonic()
        ran = doctor(place)
        assert time.monotonic() - started < 8
    assert (ran.code, "H3 PUBLISH ✖" in ran.out) == (UNREACHABLE, True), ran.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("REVERB_APP_SECRET=another", "worker.env: The signature for app 912345 is refused"),
        ("REVERB_PORT=1", "worker.env: Nobody listens on port 1 of 127.0.0.1, but a server answers on port {port}"),
        ("REVERB_SCHEME=https", "worker.env: REVERB_SCHEME is https, and port {port} of 127.0.0.1 speaks plain HTTP"),
    ],
)
def test_the_workers_own_server_is_visited_too(place: Path, port: int, change: str, said: str) -> None:
    write(place, {".env": local(port), "worker.env": local(port, change)})
    ran = doctor(place, "--worker-env", "worker.env", "--json", env={"PORT": str(port)})
    titles = {check["title"]: check for check in json.loads(ran.out)["checks"]}
    assert titles[said.format(port=port)]["status"] == "fail"
    assert ran.code == PROBLEMS
    assert json.loads(ran.out)["meta"]["duration_ms"] < 5_000


@pytest.mark.parametrize(
    ("change", "visits"), [("", False), ("BROADCAST_CONNECTION=log", False), ("REVERB_HOST=localhost", True)]
)
def test_the_workers_server_is_visited_once_when_it_is_the_same(
    place: Path, port: int, change: str, visits: bool
) -> None:
    write(place, {".env": local(port), "worker.env": local(port, change)})
    ran = doctor(place, "--worker-env", "worker.env", "--json")
    checks = [check["check"] for check in json.loads(ran.out)["checks"]]
    assert ("worker.credentials" in checks) is visits


def test_an_application_that_never_answers_takes_no_more_time_than_its_own(place: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = silent.getsockname()[1]
        ask = ("--channel", "private-a", "--auth-endpoint", f"http://127.0.0.1:{there}/broadcasting/auth", "--json")
        for server in (port, there):
            place.joinpath(".env").write_text(local(server))
            found = json.loads(doctor(place, *ask).out)
            assert any(check["title"].startswith("The auth endpoint gives no answer") for check in found["checks"])
            assert found["meta"]["duration_ms"] < 5_300


def test_a_resolver_that_hangs_is_not_waited_for(place: Path) -> None:
    hangs = "import socket, time\nsocket.getaddrinfo = lambda *args, **kwargs: time.sleep(20)\n"
    place.joinpath("sitecustomize.py").write_text(hangs)
    place.joinpath(".env").write_text(WEB)
    started = time.monotonic()
    ran = doctor(place, "--timeout", "500ms", env={"PYTHONPATH": f"{place}:{REPOSITORY}"})
    assert time.monotonic() - started < 5
    assert "RVB208  The name ws.example.com was not resolved within 0.5 s" in ran.first_of("✖")
    assert ran.code == UNREACHABLE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a file by --env-file"),
        (("--env-file", "nowhere.env"), "--env-file nowhere.env cannot be read"),
        (("--env-file", "-", "--worker-env", "-"), "--env-file and --worker-env cannot both read standard input"),
        (("--log", "nowhere.log"), "--log nowhere.log cannot be read"),
        (("--laravel-path", "nowhere"), "--laravel-path nowhere is no directory"),
        (("--event", "ticket.assigned"), "--event needs --channel"),
        (("--watch", "10s"), "--watch needs --channel"),
        (("--watch", "soon"), "--watch must be a time"),
        (("--timeout", "0"), "--timeout must be a time above 0"),
        (("--data", "{"), "--data must be JSON"),
        (("--data", "@nowhere.json"), "cannot be read as text"),
        (("--bearer-env", "NOBODY_SET_IT"), "names NOBODY_SET_IT, and that variable is not set"),
    ],
)
def test_a_mistake_in_its_use_is_one_line_and_exit_code_2(place: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = doctor(place, *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (USAGE, "", 1)
    assert said in ran.err


def test_the_processs_own_variables_win_over_the_env_file(place: Path) -> None:
    place.joinpath(".env").write_text(changed(WEB, "BROADCAST_CONNECTION=log"))
    assert "RVB101" in doctor(place, "--offline").first_of("✖")
    ran = doctor(place, "--offline", env={"BROADCAST_CONNECTION": "reverb"})
    assert ran.first_of("✖") == ""
    assert ran.out.startswith(" .env and this process's environment publishes to https://ws.example.com:443")


def test_a_listing_of_railway_is_read_as_it_stands(place: Path) -> None:
    """`railway variable list --kv` prints values without quotes: blanks and # are part of them, and no mistake."""
    listing = changed(WEB, f"APP_NAME=1 Charge # one\nRAILWAY_PROJECT_ID=p\nREVERB_APP_SECRET={SECRET}#1")
    ran = doctor(place, "--env-file", "-", "--offline", stdin=listing)
    assert (ran.code, ran.first_of("✖")) == (FINE, ""), ran.out


def test_outside_railway_the_resolver_is_not_asked_for_a_private_name(place: Path) -> None:
    private = "REVERB_HOST=reverb.railway.internal\nREVERB_PORT=8080\nREVERB_SCHEME=http\nRAILWAY_SERVICE_NAME=web"
    ran = doctor(place, "--env-file", "-", stdin=changed(WEB, f"{private}\nRAILWAY_PROJECT_ID=p"))
    assert ran.code == FINE
    assert "RVB208" in ran.first_of("⚠")
    assert "railway variable list --kv -s web | sed " in ran.out


@pytest.mark.parametrize(
    "change",
    [
        f"REVERB_APP_KEY={SECRET}",
        f"REVERB_APP_ID={SECRET}",
        f"REVERB_HOST={SECRET}",
        f"REVERB_PORT={SECRET}",
        f"REVERB_SCHEME={SECRET}",
        f"BROADCAST_CONNECTION={SECRET}",
        f"QUEUE_CONNECTION={SECRET}",
        f"REVERB_HOST=https://{SECRET}.example.com/",
        f"PUSHER_APP_CLUSTER={SECRET}\nBROADCAST_CONNECTION=pusher\nPUSHER_APP_KEY=k",
        f"VITE_REVERB_APP_KEY={SECRET}",
        f"REVERB_APP_SECRET='{SECRET} '",
        f"REVERB_APP_KEY={SECRET}\nREVERB_APP_SECRET={KEY}",  # exchanged
        f"REDIS_HOST=tls://:{SECRET}@redis.example.com\nREVERB_SCALING_ENABLED=true",
        f"REVERB_APP_ACTIVITY_TIMEOUT=0\nREVERB_SERVER_PATH={SECRET}",
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_secret_is_shown_wherever_it_stands(place: Path, change: str, form: tuple[str, ...]) -> None:
    """`doctor` of the tests looks for it in both outputs."""
    place.joinpath(".env").write_text(changed(WEB, change))
    place.joinpath("other.env").write_text(WEB)
    others = ("--worker-env", "other.env", "--server-env", "other.env", "--client-env", "other.env")
    assert doctor(place, *others, *form, "--timeout", "200ms").out
    assert doctor(place, *others, *form, "--offline", "--env-file", "-", stdin=changed(WEB, change)).out


@pytest.mark.parametrize("password", ["supersecret", "hush"])
def test_a_password_in_the_host_is_neither_shown_nor_used(place: Path, port: int, password: str) -> None:
    place.joinpath(".env").write_text(local(port, f"REVERB_HOST=http://user:{password}@127.0.0.1"))
    for form in ((), ("--json",), ("--json", "--worker-env", ".env", "--server-env", ".env", "--client-env", ".env")):
        ran = doctor(place, *form)
        assert password not in ran.out + ran.err
        assert f"127.0.0.1:{port}" in ran.out


def test_a_bearer_token_is_taken_from_a_variable_and_not_shown(place: Path, port: int) -> None:
    place.joinpath(".env").write_text(local(port))
    endpoint = ("--channel", "private-a", "--auth-endpoint", f"http://127.0.0.1:{port}/broadcasting/auth")
    ran = doctor(place, *endpoint, "--bearer-env", "TOKEN_OF_A_USER", env={"TOKEN_OF_A_USER": f"token-{SECRET}"})
    assert "RVB603" in ran.first_of("✖"), ran.out
