"""`config/reverb.toml`: every setting with default, unit, variables, commented out; made from the table."""

import json
import textwrap

from reverb_py.settings.table import APP_CREDENTIALS, APP_LIMITS, REDIS_SETTINGS, SERVER_SETTINGS, Setting

_WIDTH = 110

_HEAD = """\
# Settings of reverb-py. This file is `reverb-py config`; every line that is commented out shows its default.
#
# Looked for as ./reverb.toml, then ./config/reverb.toml; --config or REVERB_CONFIG names another one.
# Command line, environment and env file (.env) come before this file. Better keep secrets out of it:
# REVERB_APP_SECRET, REVERB_APP_SECRET_FILE or REVERB_APPS (JSON with the keys of [[apps]]) may hold them.
"""

_REDIS = """\
# Where Redis is; read only when scaling_enabled is true. REDIS_URL_FILE and REDIS_PASSWORD_FILE may name files.
"""

_DEFAULTS = """\
# What every app gets that does not set it itself. The variables mean the same, and win over this table.
# [app_defaults]
"""

_APPS = """\
# The apps, one table each. An app that the variables name by the same id is the same app, so that its limits
# may stand here and its secret there. Every key of [app_defaults] may stand here too, for this app alone.
# [[apps]]
"""

_EXAMPLES = {"id": "912345", "key": "my-app-key", "secret": "a long random text"}


def annotated_toml() -> str:
    """The whole file."""
    credentials = "\n".join(f"{_note(row)}# {row.name} = {_literal(_EXAMPLES[row.name])}\n" for row in APP_CREDENTIALS)
    more = (
        "# Further keys and secrets, for their rotation: every one is accepted, the first one above signs.\n"
        '# more_credentials = [{ key = "old-key", secret = "old secret" }]\n'
    )
    parts = [
        _HEAD,
        *map(_entry, SERVER_SETTINGS),
        _REDIS,
        *map(_entry, REDIS_SETTINGS),
        _DEFAULTS,
        *map(_entry, APP_LIMITS),
        _APPS + "\n" + credentials,
        more,
    ]
    return "\n".join(parts)


def _entry(row: Setting) -> str:
    return f"{_note(row)}# {row.name} = {_literal(row.default)}\n"


def _note(row: Setting) -> str:
    about = row.about
    details = [
        f"unit: {about.unit}" if about.unit else "",
        f"one of {', '.join(about.choices)}" if about.choices else "",
        f"default: {about.shown_default}" if about.shown_default else "",
        f"variable: {', '.join(about.variables)}",
    ]
    text = [about.text, f"[{'; '.join(filter(None, details))}]"]
    return "".join(
        f"{line}\n"
        for each in text
        for line in textwrap.wrap(each, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    )


def _literal(value: object) -> str:
    """A default as TOML; JSON writes texts, lists, numbers and booleans in the same way."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
