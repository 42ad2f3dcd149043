"""`config/reverb.toml` is made from the table, and shows the defaults."""

import re
import tomllib

from reverb_py.hub.app import App, Credential
from reverb_py.settings import Settings
from reverb_py.settings.annotated_toml import annotated_toml
from tests.settings.place import REPOSITORY, Place


def test_the_annotated_file_of_the_repository_is_the_generated_one() -> None:
    written = (REPOSITORY / "config" / "reverb.toml").read_text(encoding="utf-8")
    assert written == annotated_toml(), "write it anew: reverb-py config > config/reverb.toml"
    assert tomllib.loads(written) == {}


def test_the_annotated_file_shows_the_defaults(place: Place) -> None:
    """Every commented line, made real, gives a configuration that is the default one, with one app."""
    lines = [line.removeprefix("# ") for line in annotated_toml().splitlines()]
    text = "\n".join(line for line in lines if re.match(r"\w+ = |\[+\w+\]+$", line))
    place.write("reverb.toml", text.replace(' = "a long random text"', ' = "s"'))
    configuration = place.load()
    assert configuration.settings == Settings()
    assert place.load({"REVERB_SCALING_ENABLED": "true"}).settings == Settings(scaling_enabled=True)
    (app,) = configuration.apps
    assert app == App("912345", (Credential("my-app-key", "s"), Credential("old-key", "old secret")))
