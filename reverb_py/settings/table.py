"""The one table of settings, read off the models: name, variables, unit, default, scope, what it is for.

From it come `config/reverb.toml`, the options' help texts, the known variables, and the documentation.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reverb_py.settings.about import About
from reverb_py.settings.app import AppLimits, AppSettings
from reverb_py.settings.redis import RedisSettings
from reverb_py.settings.server import Settings

Scope = Literal["server", "app"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `default` is None where there is none (an app's id, key and secret)."""

    name: str
    scope: Scope
    default: object
    about: About

    @property
    def shown_default(self) -> str:
        """The default for people."""
        if self.about.shown_default:
            return self.about.shown_default
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return "none" if self.default is None else str(self.default)


def rows(model: type[BaseModel], scope: Scope) -> tuple[Setting, ...]:
    """The fields of a model that have something to say about themselves."""
    found = [(name, field, _about(field)) for name, field in model.model_fields.items()]
    return tuple(
        Setting(name, scope, None if field.is_required() else field.default, about)
        for name, field, about in found
        if about is not None
    )


def _about(field: FieldInfo) -> About | None:
    return next((each for each in field.metadata if isinstance(each, About)), None)


SERVER_SETTINGS = rows(Settings, "server")
REDIS_SETTINGS = rows(RedisSettings, "server")  # read while scaling is on
APP_LIMITS = rows(AppLimits, "app")
APP_CREDENTIALS = tuple(row for row in rows(AppSettings, "app") if row.default is None)
SETTINGS = (*SERVER_SETTINGS, *REDIS_SETTINGS, *APP_CREDENTIALS, *APP_LIMITS)

# A name that both scopes have (max_connections) is the server's here, as on the command line.
BY_NAME = {row.name: row for row in (*APP_LIMITS, *APP_CREDENTIALS, *REDIS_SETTINGS, *SERVER_SETTINGS)}
