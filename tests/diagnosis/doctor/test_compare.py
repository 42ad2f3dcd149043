"""Two environments side by side: what differs is told by fingerprints, with lines to paste that hold no value."""

import pytest

from reverb_py.diagnosis.doctor.compare import compare_client, compare_server, compare_worker
from reverb_py.diagnosis.doctor.environment import Publisher, publisher, read
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.fingerprint import fingerprint
from tests.doctor_process import KEY, SECRET, WEB, changed

QUEUED = changed(WEB, "QUEUE_CONNECTION=database")


def process(change: str = "", source: str = "web.env") -> Publisher:
    return publisher(read(changed(QUEUED, change), source))


def worker(change: str = "") -> list[Finding]:
    return compare_worker(process(), process(change, "worker.env"))


def test_a_worker_without_variables_is_told_in_one_sentence() -> None:
    (finding,) = worker("-BROADCAST_CONNECTION\n-REVERB_APP_ID\n-REVERB_APP_KEY\n-REVERB_APP_SECRET")
    assert finding.title == (
        "The worker cannot publish: worker.env has no REVERB_APP_ID/KEY/SECRET; "
        "BROADCAST_CONNECTION is unset (→ null), in web.env reverb"
    )
    assert finding.evidence.startswith(f"web.env is complete (secret {fingerprint(SECRET)})")


def test_on_railway_the_fix_refers_to_the_other_services_variables() -> None:
    web = process("RAILWAY_SERVICE_NAME=main-app")
    (finding,) = compare_worker(web, process("REVERB_APP_ID=1\nRAILWAY_SERVICE_NAME=queue", "worker.env"))
    assert finding.fix == (
        "railway variables -s queue --set 'REVERB_APP_ID=${{main-app.REVERB_APP_ID}}'",
        "railway redeploy -s queue   # it starts with them",
    )
    (finding,) = compare_worker(web, publisher(read("RAILWAY_SERVICE_NAME=queue\n", "worker.env")))
    assert finding.fix[0].startswith(
        "railway variables -s queue --set 'BROADCAST_CONNECTION=${{main-app.BROADCAST_CONNECTION}}' --set"
    )
    assert "--set 'REVERB_APP_SECRET=${{main-app.REVERB_APP_SECRET}}'" in finding.fix[0]
    assert SECRET not in str(finding)


def test_on_railway_the_servers_service_is_referred_to_where_the_web_services_name_is_not_known() -> None:
    web = process("REVERB_HOST=live.railway.internal\nRAILWAY_PROJECT_ID=p")
    (finding,) = compare_worker(web, process("REVERB_APP_ID=1\nREVERB_PORT=80", "worker.env"))
    assert finding.fix[0] == (
        "railway variables -s worker --set 'REVERB_APP_ID=${{live.REVERB_APP_ID}}' "
        "--set 'REVERB_HOST=${{live.RAILWAY_PRIVATE_DOMAIN}}' --set 'REVERB_PORT=443'"
    )


def test_elsewhere_the_fix_is_the_lines_of_what_is_missing_without_key_and_secret() -> None:
    (finding,) = compare_worker(process(), publisher(read("QUEUE_CONNECTION=database\n", "worker.env")))
    assert finding.fix == (
        "BROADCAST_CONNECTION=reverb",
        "REVERB_APP_ID=912345",
        f"REVERB_APP_KEY=<the same as in web.env, {KEY[:4]}…{KEY[-4:]}>",
        f"REVERB_APP_SECRET=<the same as in web.env, {fingerprint(SECRET)}>",
        "REVERB_HOST=ws.example.com",
        "REVERB_PORT=443",
        "REVERB_SCHEME=https",
        "php artisan queue:restart",
    )


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("", []),
        ("REVERB_APP_SECRET=other", ["RVB111"]),
        ("REVERB_HOST=10.0.0.1", ["RVB111"]),
        ("QUEUE_CONNECTION=redis", ["RVB111"]),
        ("DB_QUEUE=other", ["RVB112"]),
        ("BROADCAST_CONNECTION=log", ["RVB111"]),
        ("APP_NAME=other", []),
    ],
)
def test_what_of_the_worker_differs(change: str, codes: list[str]) -> None:
    assert [each.code.id for each in worker(change) if each.code] == codes


def test_without_a_queue_there_is_no_worker_to_compare() -> None:
    sync = publisher(read(WEB, "web.env"))
    (finding,) = compare_worker(sync, process("REVERB_APP_ID=1"))
    assert finding.status is Status.SKIP


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"VITE_REVERB_APP_KEY={KEY}\nVITE_REVERB_HOST=ws.example.com\n", []),
        (f"REVERB_KEY={KEY}\n", []),
        (f"NEXT_PUBLIC_PUSHER_KEY={KEY}\n", []),
        ("REVERB_KEY=other\n", ["RVB601"]),
        ("VITE_REVERB_APP_KEY=other\nVITE_REVERB_HOST=old.example.com\n", ["RVB506", "RVB506"]),
        (f"VITE_REVERB_APP_KEY={KEY}\nVITE_REVERB_HOST=old.example.com\n", ["RVB506"]),
        ('VITE_REVERB_APP_KEY="${NOWHERE}"\n', []),
    ],
)
def test_what_a_client_was_built_with_is_compared(text: str, codes: list[str]) -> None:
    assert [each.code.id for each in compare_client(process(), read(text, "client.env")) if each.code] == codes


def test_of_keys_the_ends_are_shown_and_of_a_secret_in_a_keys_place_the_fingerprint() -> None:
    (finding,) = compare_client(process(), read("VITE_REVERB_APP_KEY=an-older-key-of-it\n", "client.env"))
    ours = f"{KEY[:4]}…{KEY[-4:]}"
    assert finding.title == (
        f"the client was built with another key (an-o…f-it), and events are published to the app with {ours}"
    )
    (finding,) = compare_client(process("OTHER_SECRET=another-secret-1"), read("REVERB_KEY=another-secret-1\n", "c"))
    assert f"another key ({fingerprint('another-secret-1')})" in finding.title


def test_a_client_may_use_the_public_name_of_what_is_published_to_privately() -> None:
    web = process("REVERB_HOST=reverb.railway.internal")
    client = read(f"REVERB_KEY={KEY}\nREVERB_HOST=x.up.railway.app\n", "client.env")
    assert [each.status for each in compare_client(web, client)] == [Status.PASS]


@pytest.mark.parametrize(
    ("web", "server", "codes"),
    [
        ("", "", []),
        ("", "REVERB_APP_KEY=other", ["RVB303"]),
        ("REVERB_HOST=reverb.railway.internal\nREVERB_PORT=443", "PORT=8080", ["RVB209"]),
        ("REVERB_HOST=reverb.railway.internal\nREVERB_PORT=8080", "", []),
        ("REVERB_HOST=reverb.railway.internal\nREVERB_PORT=3000", "RAILWAY_PROJECT_ID=p", []),
        ("REVERB_HOST=x.up.railway.app\nREVERB_PORT=443", "PORT=8080", []),
        ("REVERB_HOST=127.0.0.1\nREVERB_PORT=3000", "", []),  # `serve --port 3000` needs no variable
    ],
)
def test_the_servers_own_variables_must_name_the_same_app_and_port(web: str, server: str, codes: list[str]) -> None:
    findings = compare_server(process(web), process(server, "server.env"))
    assert [each.code.id for each in findings if each.code] == codes
