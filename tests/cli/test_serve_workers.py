"""`serve --scaling --workers`: what is started, and what would be apart and is not."""

import pytest

from tests.cli.conftest import Command
from tests.cli.served import Served

TRIO = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": "hunter2"}
REDIS = {"REDIS_URL": "redis://redis"}


@pytest.mark.parametrize(
    ("arguments", "has_workers"), [(["--scaling"], False), (["--scaling", "--workers", "3"], True)]
)
def test_scaling_and_workers_are_options(
    command: Command, served: Served, arguments: list[str], has_workers: bool
) -> None:
    assert command("serve", *arguments, env={**TRIO, **REDIS}).exit_code == 0
    assert (served.settings.scaling_enabled, served.has_workers) == (True, has_workers)
    assert served.settings.redis_address.host == "redis"


@pytest.mark.parametrize("env", [REDIS, {**REDIS, "REVERB_SCALING_ENABLED": "false"}])
def test_workers_that_would_be_apart_are_one_line_and_exit_code_2(
    command: Command, served: Served, env: dict[str, str]
) -> None:
    result = command("serve", "--workers", "3", env={**TRIO, **env})
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("reverb-py: --workers is 3, but scaling is off")


def test_redis_of_another_program_is_no_matter_of_ours(command: Command, served: Served) -> None:
    assert command("serve", env={**TRIO, "REDIS_URL": "nonsense", "REDIS_PORT": "nonsense"}).exit_code == 0
