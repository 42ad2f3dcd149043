"""From all sources to one checked configuration. The only place of the project that reads the environment.

Command line, then environment, then env file, then TOML, then defaults.
"""

import logging
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reverb_py.codes import IPV4_ONLY
from reverb_py.hub.app import App, Apps
from reverb_py.settings import notices as worth_telling
from reverb_py.settings.app import AppLimits, AppSettings
from reverb_py.settings.apps import AppsReader, to_app
from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.explain import explain
from reverb_py.settings.files import EnvFile, check_app_defaults, read_env_file, read_toml
from reverb_py.settings.hiding import redaction
from reverb_py.settings.platform import Platform
from reverb_py.settings.redis_address import PLACES, read_redis
from reverb_py.settings.server import Settings
from reverb_py.settings.sources import Found, Options, Source, Table, Variables, first
from reverb_py.settings.table import SERVER_SETTINGS
from reverb_py.settings.workers import check_workers, web_concurrency

DRAIN_RESERVE = 2  # seconds of the platform's patience that are kept for the end of the process


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was typed: settings by their names, and where the files are ("" looks at the usual places)."""

    options: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    env_file: str = ""
    use_env_file: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that was found. `origins` says for each server setting that is not its default where it was set."""

    settings: Settings
    apps: Apps  # empty when there are no credentials anywhere
    limits: AppLimits
    platform: Platform
    notices: tuple[Notice, ...]
    origins: Mapping[str, str]
    files: tuple[str, ...]  # that were read

    def app(self, app_id: str, key: str, secret: str) -> App:
        """An app with these credentials, and the limits that are set for all."""
        return to_app(AppSettings(**self.limits.model_dump(), id=app_id, key=key, secret=secret))


@dataclass(frozen=True, slots=True)
class _Read:
    """The raw material: both kinds of variables, and the TOML file."""

    environment: Variables
    env_file: Variables
    env_file_read: EnvFile
    toml: Mapping[str, object]
    toml_name: str
    platform: Platform
    options: Options
    notices: list[Notice]

    @property
    def variables(self) -> tuple[Variables, ...]:
        return self.environment, self.env_file

    def table(self, section: str = "") -> Table:
        contents = self.toml.get(section, {}) if section else self.toml
        place = f"of [{section}] in {self.toml_name}" if section else f"in {self.toml_name}"
        return Table(contents if isinstance(contents, dict) else {}, place)

    def sources(self, section: str = "") -> tuple[Source, ...]:
        """In their order; `section` is the table of the TOML file."""
        return self.options, *self.variables, self.table(section)


def load(
    command_line: CommandLine | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Configuration:
    """Read everything; raise ConfigError with one line for the first thing that cannot be used.

    `environ` is the process's own, `directory` the working directory, unless they are given.
    """
    read = _read(command_line or CommandLine(), environ, directory)
    redacted = redaction(read.variables, read.toml)  # keys and secrets are swapped now and then
    try:
        configuration = _configuration(read)
    except ConfigError as error:
        raise ConfigError(redacted(str(error))) from None
    notices = dict.fromkeys(replace(each, text=redacted(each.text)) for each in configuration.notices)
    return replace(configuration, notices=tuple(notices))


def _configuration(read: _Read) -> Configuration:
    settings, found = _settings(read)
    if settings.scaling_enabled:
        if read.env_file_read.refused_redis:
            raise ConfigError(read.env_file_read.refused_redis)
        address, parts = read_redis(read.sources())
        settings, found = settings.model_copy(update={"redis_address": address}), found | parts
    check_workers(settings, found)
    check_certificate(settings)
    if read.env_file_read.refused:
        raise ConfigError(read.env_file_read.refused)
    check_app_defaults(read.toml, read.toml_name)
    reader = AppsReader(read.sources("app_defaults"), read.variables, settings.profile, read.notices)
    limits, apps = reader.limits(), reader.apps(read.toml.get("apps", []), read.toml_name)

    has_redis = any(name in found for name in PLACES)
    read.notices.extend(worth_telling.all_of(read.variables, settings, read.platform, has_redis=has_redis))
    return Configuration(
        settings=settings,
        apps=apps,
        limits=limits,
        platform=read.platform,
        notices=tuple(read.notices),
        origins={name: each.origin for name, each in found.items()},
        files=tuple(filter(None, (read.env_file_read.name, read.toml_name))),
    )


def load_server(
    command_line: CommandLine | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The server's settings alone, whatever is wrong with apps, certificate and Redis: what runs goes on with its own.

    Raise ConfigError as `load` does.
    """
    settings, _ = _settings(_read(command_line or CommandLine(), environ, directory))
    return settings


def _read(typed: CommandLine, environ: Mapping[str, str] | None, directory: Path | None) -> _Read:
    set_there, here = os.environ if environ is None else environ, Path() if directory is None else directory
    notices: list[Notice] = []
    environment = Variables(set_there, notices)
    file = EnvFile()
    if typed.use_env_file:
        file = read_env_file(typed.env_file or environment.text("REVERB_ENV_FILE"), here, set_there, notices)
    env_file = Variables(file.values, notices, file.name)
    toml_name, toml = read_toml(
        typed.config or environment.text("REVERB_CONFIG") or env_file.text("REVERB_CONFIG"), here
    )
    platform, options = Platform.of(set_there), Options(typed.options)
    return _Read(environment, env_file, file, toml, toml_name, platform, options, notices)


def _settings(read: _Read) -> tuple[Settings, dict[str, Found]]:
    """The server's settings as the platform changes them, and where each came from."""
    settings, found = _as_set(read.sources())
    changes = _of_the_platform(settings, read.platform, found, read.notices)
    if "workers" not in found:
        asked = web_concurrency(read.variables, read.notices, scales=settings.scaling_enabled)
        found |= asked
        changes |= {name: each.value for name, each in asked.items()}
    return settings.model_copy(update=changes), found


def _as_set(sources: Sequence[Source]) -> tuple[Settings, dict[str, Found]]:
    found = first(sources, SERVER_SETTINGS)
    values: dict[str, Any] = {name: each.value for name, each in found.items()}
    try:
        return Settings(**values), found
    except ValidationError as error:
        raise explain(error, found, SERVER_SETTINGS) from None


def _of_the_platform(
    settings: Settings, platform: Platform, found: Mapping[str, Found], notices: list[Notice]
) -> dict[str, object]:
    """What a platform changes: the drain time, the proxies, and the address."""
    changes: dict[str, object] = {}
    if "drain" not in found and platform.draining_seconds is not None:
        changes["drain"] = max(0.0, platform.draining_seconds - DRAIN_RESERVE)
    if "trusted_proxies" not in found and platform.railway:
        changes["trusted_proxies"] = ("*",)
    if platform.railway:
        changes["real_ip_first"] = True
    if settings.ipv4_only:
        changes["host"] = settings.host or "0.0.0.0"
    elif settings.host == "0.0.0.0" and platform.railway:
        changes["host"] = ""
        origin = found["host"].origin
        text = (
            f"{origin} is 0.0.0.0; Railway's private network may use IPv6, so that it is listened on too, unless "
            f"REVERB_IPV4_ONLY is true [{IPV4_ONLY}]"
        )
        notices.append(Notice(logging.INFO, text))
    return changes


def check_certificate(settings: Settings) -> None:
    """Load the certificate once, so that a wrong path is told now (Reverb starts regardless); raise ConfigError."""
    if not settings.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot use the certificate {settings.tls_cert!r} with the key {settings.tls_key!r}: {reason}. "
            "Correct REVERB_TLS_CERT and REVERB_TLS_KEY: a PEM pair, the key without a passphrase"
        ) from None
