"""Failure modes that need no network, each produced by a stack with one thing wrong and named by the doctor."""

from pathlib import Path
from typing import Any

import pytest

from tests.doctor_process import KEY, SECRET, WEB, Ran, changed, doctor
from tests.laravel_project import EVENT, SCRIPT, cached_config, project, write

RAILWAY = "RAILWAY_PROJECT_ID=p\nRAILWAY_SERVICE_NAME=web\n"


def mode(code: str, *values: Any, id: str = "") -> Any:
    return pytest.param(code, *values, marks=pytest.mark.mode(code, "doctor"), id=f"{code} {id}".strip())


def named(ran: Ran, code: str, said: str) -> bool:
    """Return True when the report's first cause or doubt is that code, with these words in its line."""
    first = ran.first_of("✖") or ran.first_of("⚠")
    return code in first and said in first


WRONG_VARIABLES = [
    mode("RVB101", "BROADCAST_CONNECTION=log", "writes broadcasts to its log", id="log"),
    mode("RVB101", "BROADCAST_CONNECTION=null", "throws broadcasts away", id="null"),
    mode("RVB101", "-BROADCAST_CONNECTION", "is not set in web.env", id="unset"),
    mode("RVB102", "BROADCAST_DRIVER=log", "differ", id="both"),
    mode("RVB102", "-BROADCAST_CONNECTION\nBROADCAST_DRIVER=reverb", "only BROADCAST_DRIVER", id="the old one"),
    mode("RVB110", "QUEUE_CONNECTION=database", "until a worker takes it"),
    mode("RVB110", "-QUEUE_CONNECTION", "is not set (Laravel: database)", id="unset"),
    mode("RVB201", f"REVERB_HOST=localhost\n{RAILWAY}", "on Railway that is the publishing container", id="Railway"),
    mode("RVB201", "REVERB_HOST=127.0.0.1\nKUBERNETES_SERVICE_HOST=10.0.0.1", "container", id="Kubernetes"),
    mode("RVB201", "REVERB_HOST=0.0.0.0", "an address to listen on", id="0.0.0.0"),
    mode("RVB201", "-REVERB_HOST", "publishes to localhost", id="unset"),
    mode("RVB202", "-REVERB_HOST\nREVERB_SERVER_HOST=0.0.0.0", "say where the server listens"),
    mode("RVB203", "REVERB_HOST=reverb.railway.internal", "a private name", id="a private name"),
    mode("RVB203", "REVERB_PORT=8080", "port 8080", id="8080"),
    mode("RVB204", "REVERB_SCHEME=http\nREVERB_HOST=x.up.railway.app", "Railway's public edge", id="an edge"),
    mode("RVB204", "REVERB_SCHEME=http", "port 443", id="443"),
    mode("RVB208", "REVERB_HOST=reverb.railway.internal\nREVERB_SCHEME=http\nREVERB_PORT=8080", "right inside Railway"),
    mode("RVB209", "PORT=9000\nREVERB_SERVER_PORT=8080", "sends traffic to PORT 9000"),
    mode("RVB213", "REVERB_HOST=https://ws.example.com", "begins with https://", id="a scheme"),
    mode("RVB213", "REVERB_HOST=ws.example.com/", "holds a slash", id="a slash"),
    mode("RVB213", "REVERB_HOST=ws.example.com:443", "holds a port", id="a port"),
    mode("RVB213", 'REVERB_HOST="ws.example.com "', "blanks", id="a blank"),
    mode("RVB213", "REVERB_HOST=ws example com", "is refused by Laravel", id="a line that is refused"),
    mode("RVB213", 'REVERB_APP_SECRET=\'""quoted""\'', "a quote that belongs to its value", id="quotes"),
    mode("RVB213", "REVERB_PORT=$PORT", "$PORT, which nobody has replaced", id="$PORT"),
    mode("RVB213", "REVERB_HOST=${{reverb.RAILWAY_PRIVATE_DOMAIN}}", "nobody has replaced", id="a reference"),
    mode("RVB213", "REVERB_PORT=https", "is no port number", id="no number"),
    mode("RVB213", "REVERB_SCHEME=wss", "must be http or https", id="wss"),
    mode("RVB301", "-REVERB_APP_ID", "REVERB_APP_ID is not set", id="no id"),
    mode("RVB302", "-REVERB_APP_SECRET", "REVERB_APP_SECRET is not set", id="no secret"),
    mode(
        "RVB304",
        f"BROADCAST_CONNECTION=pusher\nPUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET={SECRET}",
        "api-mt1.pusher.com",
    ),
    mode("RVB405", "REVERB_SCALING_ENABLED=true\nREDIS_HOST=tls://redis.example.com", "begins with tls://"),
    mode("RVB506", "VITE_REVERB_APP_KEY=an-old-key\nVITE_REVERB_HOST=old.example.com", "another server"),
    mode("RVB601", "VITE_REVERB_APP_KEY=an-old-key", "was built with another key"),
    mode("RVB608", "REVERB_APP_ACTIVITY_TIMEOUT=0", "pusher-js does not connect"),
    mode("RVB610", "VITE_REVERB_SCHEME=http", "browsers block ws://", id="http"),
    mode("RVB610", 'VITE_REVERB_HOST="${REVERB_HOSTNAME}"', "still holds ${…}", id="unresolved"),
]


@pytest.mark.parametrize(("code", "change", "said"), WRONG_VARIABLES)
def test_a_wrong_variable_is_the_first_thing_that_is_told(tmp_path: Path, code: str, change: str, said: str) -> None:
    tmp_path.joinpath("web.env").write_text(changed(WEB, change))
    ran = doctor(tmp_path, "--env-file", "web.env", "--offline")
    assert named(ran, code, said), ran.out
    assert ran.code == (1 if ran.first_of("✖") else 0)


BESIDE = [
    mode("RVB111", "worker", "-BROADCAST_CONNECTION\n-REVERB_APP_ID\n-REVERB_APP_KEY", "cannot publish", id="nothing"),
    mode("RVB111", "worker", "REVERB_APP_SECRET=an-older-secret", "REVERB_APP_SECRET is sha256:", id="a secret"),
    mode("RVB111", "worker", "QUEUE_CONNECTION=redis", "another queue", id="a queue"),
    mode("RVB112", "worker", "REDIS_QUEUE=broadcasts", "REDIS_QUEUE differs", id="a queue's name"),
    mode("RVB209", "server", "REVERB_SERVER_PORT=6001", "the server listens on 6001"),
    mode("RVB301", "server", "REVERB_APP_ID=1", "REVERB_APP_ID is sha256:"),
    mode("RVB302", "server", "REVERB_APP_SECRET=an-older-secret", "REVERB_APP_SECRET is sha256:"),
    mode("RVB303", "server", "REVERB_APP_KEY=an-older-key", "REVERB_APP_KEY is sha256:"),
    mode("RVB404", "server", "RAILWAY_REPLICA_ID=r\nRAILWAY_DEPLOYMENT_DRAINING_SECONDS=20", "without scaling"),
    mode("RVB404", "server", "WEB_CONCURRENCY=4", "each process would know its own clients only", id="workers"),
    mode("RVB404", "server", "REVERB_WORKERS=4", "reverb-py does not start", id="workers that are refused"),
    mode("RVB405", "server", "REVERB_SCALING_ENABLED=yes", "no Redis is named"),
    mode("RVB611", "server", "RAILWAY_PROJECT_ID=p", "Railway kills the server"),
    mode("RVB506", "client", "REVERB_APP_KEY=an-older-key\nREVERB_HOST=old.example.com", "another server"),
    mode("RVB601", "client", "REVERB_APP_KEY=an-older-key", "was built with another key"),
    mode("RVB208", "client", "REVERB_HOST=reverb.railway.internal", "no browser or phone can resolve", id="a client"),
]


@pytest.mark.parametrize(("code", "whose", "change", "said"), BESIDE)
def test_what_differs_between_two_processes_is_told(
    tmp_path: Path, code: str, whose: str, change: str, said: str
) -> None:
    web = changed(WEB, "QUEUE_CONNECTION=database") if whose == "worker" else WEB
    if code == "RVB209":
        web = changed(web, "REVERB_HOST=127.0.0.1\nREVERB_PORT=8080\nREVERB_SCHEME=http")
    tmp_path.joinpath("web.env").write_text(web)
    tmp_path.joinpath("other.env").write_text(changed(web, change))
    ran = doctor(tmp_path, "--env-file", "web.env", f"--{whose}-env", "other.env", "--offline")
    assert named(ran, code, said), ran.out
    assert not {"an-older-secret", "an-older-key"} & set(ran.out.split())


CODE = [
    mode("RVB102", {"config/broadcasting.php": ("BROADCAST_CONNECTION", "BROADCAST_DRIVER")}, "which is ignored"),
    mode("RVB103", {"bootstrap/cache/config.php": cached_config("localhost", SECRET)}, "host is localhost"),
    mode("RVB103", {"bootstrap/cache/config.php": cached_config(default="log")}, "the broadcaster is log", id="log"),
    mode("RVB112", {EVENT: ("    use Disp", "    public $broadcastQueue = 'live';\n    use Disp")}, "the queue 'live'"),
    mode("RVB120", {EVENT: (" implements ShouldBroadcast, ShouldDispatchAfterCommit", "")}, "ShouldBroadcast"),
    mode("RVB120", {EVENT: ("[new PrivateChannel('customer.'.$this->ticket->customer_id.'.driver-location')]", "[]")},
         "returns no channel", id="no channel"),
    mode("RVB121", {EVENT: (", ShouldDispatchAfterCommit\n", "\n")}, "does not wait for the commit"),
    mode("RVB124", {"app/Http/Controllers/TicketController.php": "<?php // TicketAssigned::dispatch($ticket);"},
         "nothing dispatches it"),
    mode("RVB401", {EVENT: ("new PrivateChannel('cust", "new Channel('cust")}, "the public channel", id="public"),
    mode("RVB401", {EVENT: ("new PrivateChannel('customer", "new PrivateChannel('private-customer")},
         "private-private-customer", id="doubled"),
    mode("RVB406", {"app/Http/Controllers/TicketController.php":
                    "<?php broadcast(new TicketAssigned($ticket))->toOthers();"}, "who tests alone sees nothing"),
    mode("RVB501", {SCRIPT: ("listen('.ticket", "listen('ticket")}, "a leading dot is missing"),
    mode("RVB502", {EVENT: ("broadcastAs", "broadcastsAs")}, "App\\Events\\TicketAssigned"),
    mode("RVB603", {"routes/channels.php": None}, "routes/channels.php is missing", id="no file"),
    mode("RVB603", {"bootstrap/app.php": ("channels:", "commands:")}, "does not load", id="not loaded"),
    mode("RVB609", {"pubspec.yaml": "dependencies:\n  pusher_channels_flutter: ^2.2.1\n"}, "pusher.com only"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "change", "said"), CODE)
def test_a_fault_in_the_projects_code_is_told(tmp_path: Path, code: str, change: dict[str, Any], said: str) -> None:
    write(tmp_path, {**project(change), ".env": WEB})
    ran = doctor(tmp_path, "--laravel-path", ".", "--offline")
    assert named(ran, code, said), ran.out


def test_a_healthy_stack_has_no_cause_and_no_doubt(tmp_path: Path) -> None:
    files = project({"bootstrap/cache/config.php": cached_config(secret=SECRET)})
    write(tmp_path, {**files, ".env": WEB, "worker.env": WEB, "server.env": WEB, "client.env": f"REVERB_KEY={KEY}\n"})
    others = ("--worker-env", "worker.env", "--server-env", "server.env", "--client-env", "client.env")
    ran = doctor(
        tmp_path, "--laravel-path", ".", *others, "--channel", "private-customer.1.driver-location", "--offline"
    )
    assert (ran.code, ran.first_of("✖"), ran.first_of("⚠")) == (0, "", ""), ran.out
    assert ran.out.splitlines()[-1] == " no problems, no warnings"


@pytest.mark.mode("RVB307", "doctor")
@pytest.mark.parametrize(("name", "why"), [("private-a:b", "':'"), ("a b", "' '"), ("x" * 201, "longer than 200")])
def test_a_channel_that_cannot_be_is_told(tmp_path: Path, name: str, why: str) -> None:
    tmp_path.joinpath(".env").write_text(WEB)
    ran = doctor(tmp_path, "--channel", name, "--offline")
    assert named(ran, "RVB307", why), ran.out


@pytest.mark.mode("RVB122", "doctor")
def test_a_publish_that_failed_where_nobody_looked_is_found_in_the_log(tmp_path: Path) -> None:
    tmp_path.joinpath(".env").write_text(WEB)
    line = '[2026-01-31 12:00:00] production.ERROR: Pusher error: something new {"exception":"[object] (Illuminate'
    tmp_path.joinpath("laravel.log").write_text(f"[2026-01-31 11:59:00] production.INFO: fine\n{line}\n#0 main\n")
    ran = doctor(tmp_path, "--log", "laravel.log", "--offline")
    assert named(ran, "RVB122", "says 'Pusher error' once"), ran.out
    assert "line 2, last on 2026-01-31" in ran.out


def test_a_slip_in_a_variables_name_is_shown(tmp_path: Path) -> None:
    tmp_path.joinpath(".env").write_text(changed(WEB, f"-REVERB_APP_SECRET\nREVERB_APP_SECERT={SECRET}"))
    assert "is REVERB_APP_SECERT a slip of the pen?" in doctor(tmp_path, "--offline").out


RECIPE = changed(WEB, "REVERB_HOST=reverb.railway.internal\nREVERB_PORT=8080\nREVERB_SCHEME=http")
LISTED = {"listed": RAILWAY, "copied": ""}
LAPTOP = {"at home": {}, "railway run": {"RAILWAY_PROJECT_ID": "p", "RAILWAY_SERVICE_NAME": "web"}}


@pytest.mark.parametrize("here", LAPTOP.values(), ids=LAPTOP)
@pytest.mark.parametrize("more", LISTED.values(), ids=LISTED)
@pytest.mark.parametrize("arguments", [(), ("--offline",)], ids=["online", "offline"])
def test_railways_private_name_is_no_fault_where_it_cannot_be_tried(
    tmp_path: Path, arguments: tuple[str, ...], more: str, here: dict[str, str]
) -> None:
    ran = doctor(tmp_path, "--env-file", "-", *arguments, stdin=RECIPE + more, env=here)
    assert (ran.code, ran.first_of("✖")) == (0, ""), ran.out
    assert named(ran, "RVB208", "is right inside Railway, and cannot be tried from here"), ran.out
    assert "railway ssh -s reverb -- env REVERB_HOST=reverb.railway.internal REVERB_PORT=8080" in ran.out


NOTHING = "QUEUE_CONNECTION=database\nBROADCAST_CONNECTION=reverb\n"


@pytest.mark.parametrize("worker", [NOTHING, "QUEUE_CONNECTION=database\n"], ids=["reverb", "unset"])
def test_a_worker_that_lacks_everything_is_one_cause(tmp_path: Path, worker: str) -> None:
    tmp_path.joinpath("web.env").write_text(changed(WEB, "QUEUE_CONNECTION=database"))
    tmp_path.joinpath("worker.env").write_text(worker)
    ran = doctor(tmp_path, "--env-file", "web.env", "--worker-env", "worker.env", "--offline")
    assert named(ran, "RVB111", "has no REVERB_APP_ID/KEY/SECRET/HOST"), ran.out
    assert ran.out.count(" ✖ RVB") == 1 + 1  # in the line of the hops, and the finding


@pytest.mark.parametrize("worker", [NOTHING, "QUEUE_CONNECTION=database\n"], ids=["reverb", "unset"])
@pytest.mark.parametrize("more", ["", RAILWAY], ids=["a file", "Railway"])
def test_all_that_is_missing_is_named_at_once(tmp_path: Path, worker: str, more: str) -> None:
    tmp_path.joinpath("worker.env").write_text(worker + more)
    ran = doctor(tmp_path, "--env-file", "worker.env", "--offline")
    assert ran.out.count(" ✖ RVB") == 1 + 1, ran.out
    for name, server in {
        "APP_ID": "REVERB_APP_ID",
        "APP_SECRET": "REVERB_APP_SECRET",
        "HOST": "RAILWAY_PRIVATE_DOMAIN",
    }.items():
        line = f"--set 'REVERB_{name}=${{{{reverb.{server}}}}}'" if more else f"REVERB_{name}=<the server's>"
        assert line in ran.out
