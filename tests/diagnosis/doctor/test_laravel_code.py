"""A project's code is read without running it: what is wrong is found, and what is right is left alone."""

from pathlib import Path
from typing import Any

import pytest

from reverb_py.diagnosis.doctor.environment import Publisher, publisher, read
from reverb_py.diagnosis.doctor.finding import Status
from reverb_py.diagnosis.doctor.laravel_code import check_code
from reverb_py.diagnosis.doctor.laravel_project import LARGEST, Project, read_project
from reverb_py.diagnosis.doctor.php import php_class, without_comments
from tests.doctor_process import SECRET, WEB, changed
from tests.laravel_project import ASSIGNED, CONTROLLER, EVENT, HEALTHY, SCRIPT, cached_config, project, write


def web(change: str = "") -> Publisher:
    return publisher(read(changed(WEB, change), ".env"))


def codes_of(changes: dict[str, Any], change: str = "") -> set[str]:
    findings = check_code(Project(project(changes)), web(change))
    return {each.code.id for each in findings if each.code}


CONTROL = "app/Http/Controllers/TicketController.php"
NOW = ASSIGNED.replace("ShouldBroadcast, ShouldDispatchAfterCommit", "ShouldBroadcastNow")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {EVENT: NOW},
        {EVENT: ("class Ticket", "final readonly class Ticket")},
        {EVENT: ("implements ShouldBroadcast,", "implements \\Illuminate\\Contracts\\Broadcasting\\ShouldBroadcast,")},
        {EVENT: ("use Disp", "// public $broadcastQueue = 'live';\n    use Disp")},
        {
            EVENT: (
                "new PrivateChannel('customer.'.$this->ticket->customer_id.'.driver-location')",
                "new Channel('news')",
            )
        },
        {"app/Events/Plain.php": "<?php\nclass Plain { use SerializesModels; }"},
        {"app/Events/Stub.php": "<?php\nclass Stub { function broadcastOn() { return new Channel('channel-name'); } }"},
        {"app/Events/Status.php": "<?php\nenum Status { case On; }"},
        {"app/Events/Child.php": "<?php\nclass Child extends TicketAssigned {}"},
        {"bootstrap/app.php": ("channels: __DIR__.'/../routes/channels.php'", "api: 'x')->withBroadcasting('x'")},
        {"bootstrap/app.php": "<?php\n$app = new Application(); // Laravel 10"},
        {SCRIPT: ("'.ticket.assigned'", "'TicketAssigned'")},
        {"bootstrap/cache/config.php": cached_config(secret=SECRET)},
        {"bootstrap/cache/config.php": "<?php return array ();"},
        {"pubspec.yaml": "dependencies:\n  dart_pusher_channels: ^1.0.0\n"},
        {CONTROL: CONTROLLER.replace("dispatch", "dispatchIf")},
    ],
)
def test_what_is_right_is_left_alone(changes: dict[str, Any]) -> None:
    assert codes_of(changes) == set()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({EVENT: ASSIGNED.replace("broadcastOn", "broadcastsOn")}, "RVB120"),
        ({EVENT: ("return [new", "if ($this->quiet) { return []; }\n        return [new")}, "RVB120"),
        ({EVENT: ("    public function broadcastAs", "    public function broadcastWhen(): bool { return false; }\n"
                  "    public function broadcastAs")}, "RVB120"),
        ({EVENT: ("class Ticket", "#[Queue('live')]\nclass Ticket")}, "RVB112"),
        ({EVENT: ("    public function broadcastAs", "    public function broadcastQueue() { return 'live'; }\n"
                  "    public function broadcastAs")}, "RVB112"),
        ({EVENT: ("new PrivateChannel('customer.'.$this->ticket->customer_id.'.driver-location')",
                  'new Channel("customer.{$this->id}.driver-location")')}, "RVB401"),
        ({EVENT: ("PrivateChannel('customer", "PresenceChannel('presence-customer")}, "RVB401"),
        ({"routes/channels.php": ("channel('customer", "channel('private-customer")}, "RVB603"),
        ({SCRIPT: ("'.ticket.assigned'", "`ticket.assigned`")}, "RVB501"),
        ({SCRIPT: "Echo.channel('a').listen(\"order.shipped.late\", show)"}, "RVB501"),
        ({CONTROL: CONTROLLER.replace("dispatch($ticket)", "broadcast($ticket)->toOthers()")}, "RVB406"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(changes: dict[str, Any], code: str) -> None:
    assert code in codes_of(changes)


@pytest.mark.parametrize(
    ("cached", "change", "said"),
    [
        (cached_config(secret=SECRET), "REVERB_PORT=8080", "port is 443"),
        (cached_config(secret=SECRET), "BROADCAST_CONNECTION=log", "the broadcaster is reverb"),
        (cached_config(secret="old"), "", "secret is sha256:"),
        (cached_config(secret=SECRET).replace("'host' => 'ws.example.com'", "'host' => NULL"), "", "host is missing"),
    ],
)
def test_the_cached_configuration_is_compared_without_its_secrets(cached: str, change: str, said: str) -> None:
    findings = check_code(Project(project({"bootstrap/cache/config.php": cached})), web(change))
    (stale,) = [each for each in findings if each.code]
    assert said in stale.title
    assert SECRET not in stale.title


def test_findings_name_file_and_line() -> None:
    findings = check_code(Project(project({SCRIPT: ("'.ticket", "'ticket")})), web())
    assert [each.evidence for each in findings if each.code] == ["resources/js/echo.js:3"]


@pytest.mark.parametrize(
    ("reads", "change", "status"),
    [
        ("BROADCAST_CONNECTION", "", Status.PASS),
        ("BROADCAST_DRIVER", "", Status.FAIL),
        ("BROADCAST_DRIVER", "BROADCAST_DRIVER=log", Status.FAIL),
        ("BROADCAST_DRIVER", "BROADCAST_DRIVER=reverb", Status.PASS),
        ("BROADCAST_DRIVER", "-BROADCAST_CONNECTION\nBROADCAST_DRIVER=reverb", Status.PASS),
    ],
)
def test_the_variable_that_the_project_reads_must_be_the_one_that_is_set(
    reads: str, change: str, status: Status
) -> None:
    files = project({"config/broadcasting.php": ("BROADCAST_CONNECTION", reads)})
    findings = check_code(Project(files), web(change))
    assert [each.status for each in findings if each.check == "laravel.variable"] == [status]


def test_a_class_that_echo_listens_for_by_its_name_needs_no_other() -> None:
    named = {EVENT: ("broadcastAs", "broadcastsAs"), SCRIPT: ("'.ticket.assigned'", "'TicketAssigned'")}
    assert codes_of(named) == set()


def test_a_folder_that_is_no_project_is_said_to_be_none() -> None:
    (finding,) = check_code(Project({}), None)
    assert finding.status is Status.SKIP


def test_comments_go_and_strings_and_lines_stay() -> None:
    code = "a('//no'); // yes\n# yes\n#[Keep]\n/* yes\n */ b(\"#no\");"
    bare = without_comments(code)
    assert "yes" not in bare
    assert bare.count("\n") == code.count("\n")
    assert all(part in bare for part in ("'//no'", "#[Keep]", '"#no"'))


def test_an_import_is_no_trait() -> None:
    found = php_class("a.php", "<?php\nuse X\\SerializesModels;\nclass A\n{\n    use Dispatchable;\n}")
    assert found is not None
    assert (found.uses("Dispatchable"), found.uses("SerializesModels")) == (True, False)


def test_the_project_is_read_within_bounds(tmp_path: Path) -> None:
    write(tmp_path, {**HEALTHY, "vendor/a.php": "x", "resources/js/node_modules/b.js": "x", ".env": "x"})
    assert read_project(tmp_path).files == HEALTHY
    tmp_path.joinpath("app/Large.php").write_text(" " * (LARGEST + 1))
    assert (read_project(tmp_path).files, read_project(tmp_path).is_whole) == (HEALTHY, False)


def test_links_out_of_the_project_are_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path / "project", HEALTHY)
    tmp_path.joinpath("secret.php").write_text("<?php secret")
    root.joinpath("app/Linked.php").symlink_to(tmp_path / "secret.php")
    assert read_project(root).files == HEALTHY


def test_that_nothing_dispatches_an_event_is_said_of_a_whole_project_only() -> None:
    files = project({CONTROL: "<?php\n"})
    found = [
        {each.code.id for each in check_code(Project(files, whole), web()) if each.code} for whole in (True, False)
    ]
    assert found == [{"RVB124"}, set()]
