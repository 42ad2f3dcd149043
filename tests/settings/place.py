"""Where settings are read in a test: a directory of its own, and no environment but the case's."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from reverb_py.hub.app import App
from reverb_py.settings import CommandLine, ConfigError, Configuration, load

REPOSITORY = Path(__file__).resolve().parents[2]
TRIO = {"REVERB_APP_ID": "1", "REVERB_APP_KEY": "key", "REVERB_APP_SECRET": "hunter2"}


class Place:
    """A working directory with the files that a case needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(
        self,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        **typed: str | bool,
    ) -> Configuration:
        command_line = CommandLine(options or {}, **typed)  # type: ignore[arg-type]  # as the case says
        return load(command_line, environ=environ or {}, directory=self.directory)

    def app(self, environ: Mapping[str, str]) -> App:
        (app,) = self.load({**TRIO, **environ}).apps
        return app

    def refusal(self, environ: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as refused:
            self.load(environ, options)
        assert "\n" not in str(refused.value)
        return str(refused.value)


def warnings(configuration: Configuration) -> str:
    return "\n".join(each.text for each in configuration.notices if each.level >= logging.WARNING)
