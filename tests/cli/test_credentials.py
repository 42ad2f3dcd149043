"""Credentials for development: made once, for the owner's eyes, and never half."""

import json
import os
import stat
from pathlib import Path

import pytest

from reverb_py.cli.credentials import PLACE, development_credentials
from reverb_py.settings import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_they_are_what_reverb_install_makes(tmp_path: Path) -> None:
    made = development_credentials(tmp_path)
    assert made.id.isdigit()
    assert len(made.id) == 6
    for text in (made.key, made.secret):
        assert len(text) == 20
        assert text.isalnum()
        assert text == text.lower()
    assert made.key != made.secret


def test_they_are_made_once(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert development_credentials(tmp_path) == development_credentials(tmp_path) != development_credentials(other)


def test_only_their_owner_can_read_them_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        development_credentials(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / PLACE
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_everybody_could_read_is_closed(tmp_path: Path) -> None:
    made = development_credentials(tmp_path)
    (tmp_path / PLACE).chmod(0o644)
    assert development_credentials(tmp_path) == made
    assert mode(tmp_path / PLACE) == 0o600


def test_of_two_starts_at_once_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = development_credentials(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda path: False)  # the second looked before the first had written
    assert development_credentials(tmp_path) == first
    assert [each.name for each in (tmp_path / PLACE).parent.iterdir()] == [PLACE.name]


def test_a_secret_is_not_in_their_repr(tmp_path: Path) -> None:
    made = development_credentials(tmp_path)
    assert made.key in repr(made)
    assert made.secret not in repr(made)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "[]",
        "null",
        '{"id": "1", "key": "k"}',
        '{"id": "1", "key": "k", "secret": ""}',
        '{"id": 1, "key": "k", "secret": "hunter2"}',
        '{"id": "1", "key": "k", "secret": ["hunter2"]}',
    ],
)
def test_a_file_that_holds_something_else_is_told_and_left_alone(tmp_path: Path, kept: str) -> None:
    path = tmp_path / PLACE
    path.parent.mkdir()
    path.write_text(kept)
    with pytest.raises(ConfigError, match="delete it, and new ones are generated") as told:
        development_credentials(tmp_path)
    assert "hunter2" not in str(told.value)
    assert path.read_text() == kept


def test_where_nothing_can_be_written_the_way_out_is_told(tmp_path: Path) -> None:
    (tmp_path / PLACE.parent).write_text("a file where the directory should be")
    with pytest.raises(ConfigError, match=r"cannot keep generated credentials in .*: .*REVERB_APP_SECRET"):
        development_credentials(tmp_path)


def test_a_draft_never_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(ConfigError, match="No space left"):
        development_credentials(tmp_path)
    assert list((tmp_path / PLACE).parent.iterdir()) == []


def test_the_file_can_be_read_by_people_and_programs(tmp_path: Path) -> None:
    made = development_credentials(tmp_path)
    text = (tmp_path / PLACE).read_text()
    assert json.loads(text) == {"id": made.id, "key": made.key, "secret": made.secret}
    assert text.count("\n") == 5
