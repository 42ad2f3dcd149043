"""The applications: REVERB_APP_ID/KEY/SECRET, REVERB_APPS, `[[apps]]`, or another server's variables.

An app that several of them name by the same id is one app; the higher source wins key by key. So limits may
stand in the TOML file, and the secret in the environment.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from pydantic import ValidationError

from reverb_py.hub.app import App, Apps, ClientEventsFrom, Credential, RateLimit
from reverb_py.settings.app import PUSHER_PROFILE, AppLimits, AppSettings
from reverb_py.settings.credentials import from_other_servers, from_variables
from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.explain import explain
from reverb_py.settings.files import check_keys
from reverb_py.settings.sources import Found, Source, Table, Variables, expanded, first
from reverb_py.settings.table import APP_CREDENTIALS, APP_LIMITS
from reverb_py.settings.values import origin_host

_SAME = frozenset(field.name for field in fields(App)) & frozenset(AppLimits.model_fields)

_SHAPE = 'Write [{"id": …, "key": …, "secret": …}]'

Values = dict[str, Found]
Limits = TypeVar("Limits", bound=AppLimits)


class AppsReader:
    """Reads all apps once. `profile` is the server's; `notices` takes what is worth a word."""

    def __init__(
        self, sources: Sequence[Source], variables: Sequence[Variables], profile: str, notices: list[Notice]
    ) -> None:
        self._variables = variables
        self._notices = notices
        self._profile = PUSHER_PROFILE if profile == "pusher" else {}
        self._common = first(sources, APP_LIMITS)

    def limits(self) -> AppLimits:
        """What an app gets that sets nothing itself; raise ConfigError."""
        return self._validate(AppLimits, self._common)

    def apps(self, listed: object, file: str) -> Apps:
        """Every app, with `listed` as the TOML file's; none at all is no error here. Raise ConfigError."""
        by_id: dict[str, Values] = {}
        for source in (self._tables(listed, "[[apps]]", f" in {file}"), self._json_apps()):
            for app_id, values in source.items():
                by_id[app_id] = by_id.get(app_id, {}) | values
        trio = from_variables(self._variables)
        if trio is None and not by_id:
            trio = from_other_servers(self._variables, self._notices)
        if trio is not None:
            by_id = {trio.id: by_id.pop(trio.id, {}) | trio.values, **by_id}
        try:
            return Apps([self._app(values) for values in by_id.values()])
        except ValueError as error:
            raise ConfigError(f"{error}: give each app its own") from None

    def _json_apps(self) -> dict[str, Values]:
        found = next((each for each in (v.secret("REVERB_APPS") for v in self._variables) if each), None)
        if found is None or found.value is None:
            return {}
        return self._tables(_from_json(str(found.value), found.origin), found.origin, "")

    def _tables(self, listed: object, name: str, place: str) -> dict[str, Values]:
        """The apps of one list by their ids."""
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise ConfigError(f"{name}{place} must be a list of apps, each with id, key and secret")
        by_id: dict[str, Values] = {}
        for number, table in enumerate(listed, start=1):
            source = Table(table, f"of {name} number {number}{place}")
            check_keys(table, "apps", source.place)
            values = first([source], (*APP_CREDENTIALS, *APP_LIMITS))
            if "more_credentials" in table:
                origin = f"more_credentials {source.place}"
                values["more_credentials"] = Found(expanded(table["more_credentials"], origin), origin)
            if "id" not in values:
                raise ConfigError(f"{name} number {number}{place} has no id: add it, with key and secret")
            app_id = str(values["id"].value)
            if app_id in by_id:
                raise ConfigError(f"two apps of {name}{place} have the id {app_id!r}: give each its own")
            by_id[app_id] = values
        return by_id

    def _app(self, own: Values) -> App:
        for missing in ("key", "secret"):
            if missing not in own:
                raise ConfigError(f"the app with {own['id'].origin} has no {missing}: add its {missing}")
        return to_app(self._validate(AppSettings, self._common | own))

    def _validate(self, model: type[Limits], found: Values) -> Limits:
        found = {name: self._tolerant(name, each) for name, each in found.items()}
        try:
            return model.model_validate(self._profile | {name: each.value for name, each in found.items()})
        except ValidationError as error:
            raise explain(error, found, (*APP_CREDENTIALS, *APP_LIMITS)) from None

    def _tolerant(self, name: str, found: Found) -> Found:
        """Warn about what works otherwise than it is written."""
        if name == "accept_client_events_from":
            return self._client_events(found)
        if name == "allowed_origins":
            self._tell_reduced(found)
        if name == "secret" and isinstance(found.value, str) and found.value != found.value.strip():
            self._warn(f"{found.origin} begins or ends with white space, which counts on the other side too")
        return found

    def _client_events(self, found: Found) -> Found:
        word = str(found.value).strip().lower()
        if word not in tuple(ClientEventsFrom):
            self._warn(f"{found.origin} is {found.value!r}, which switches client events off, as in Reverb")
            return Found("none", found.origin)
        if word == ClientEventsFrom.ALL:
            self._warn(f"{found.origin} is all: clients may send events to channels that they have not joined")
        return found

    def _tell_reduced(self, found: Found) -> None:
        listed = found.value.split(",") if isinstance(found.value, str) else found.value
        for each in listed if isinstance(listed, list | tuple) else []:
            written = str(each).strip()
            try:
                host = origin_host(written) if written else written
            except ValueError:
                return  # told when it is validated
            if host.lower() != written.lower():
                self._warn(f"{found.origin}: only hosts are compared, so {written!r} counts as {host!r}")

    def _warn(self, text: str) -> None:
        notice = Notice(logging.WARNING, text)
        if notice not in self._notices:
            self._notices.append(notice)


def _from_json(text: str, origin: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise ConfigError(f"{origin} is nested too deeply: {_SHAPE}") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{origin} is not valid JSON: {where}. {_SHAPE}") from None
    except ValueError as error:  # a number of thousands of digits
        raise ConfigError(f"{origin} is not valid JSON: {error}. {_SHAPE}") from None


def to_app(settings: AppSettings) -> App:
    """The value that the hub knows."""
    limits: dict[str, Any] = {name: getattr(settings, name) for name in _SAME}
    first_one = Credential(settings.key, settings.secret)
    more = [Credential(each.key, each.secret) for each in settings.more_credentials]
    rate = RateLimit(settings.rate_limit_max_attempts, settings.rate_limit_decay_seconds, settings.rate_limit_terminate)
    return App(
        id=settings.id,
        credentials=(first_one, *more),
        rate_limit=rate if settings.rate_limiting_enabled else None,
        **limits,
    )
