"""`reverb-py serve`: settings, logging, credentials, then the server."""

import logging
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from reverb_py import log
from reverb_py.cli import credentials
from reverb_py.cli.banner import Banner
from reverb_py.cli.exits import configuration_errors
from reverb_py.cli.options import Config, EnvFile, NoEnvFile, flag, option
from reverb_py.hub.app import Apps
from reverb_py.settings import CommandLine, ConfigError, Configuration, Notice, Platform, Settings, load

logger = logging.getLogger("reverb_py")

LOOPBACK = {False: "localhost", True: "127.0.0.1"}  # by ipv4_only; a name is both families, where they are

Dev = Annotated[
    bool,
    typer.Option(
        "--dev",
        show_default=False,
        help="Generate credentials when none are set, and listen on this machine alone when no host is set.",
    ),
]

Ipv4Only = Annotated[bool, typer.Option("--ipv4-only", show_default=False, help=flag("ipv4_only").help)]
Scaling = Annotated[bool, typer.Option("--scaling", show_default=False, help=flag("scaling_enabled").help)]


def serve(
    host: Annotated[str, option("host")] = "",
    port: Annotated[str, option("port")] = "",
    ipv4_only: Ipv4Only = False,
    path: Annotated[str, option("path")] = "",
    hostname: Annotated[str, option("hostname")] = "",
    debug: Annotated[bool, flag("debug")] = False,
    dev: Dev = False,
    config: Config = "",
    env_file: EnvFile = "",
    no_env_file: NoEnvFile = False,
    log_format: Annotated[str, option("log_format")] = "",
    log_level: Annotated[str, option("log_level")] = "",
    allowed_origins: Annotated[str, option("allowed_origins")] = "",
    trusted_proxies: Annotated[str, option("trusted_proxies")] = "",
    max_request_size: Annotated[str, option("max_request_size")] = "",
    max_connections: Annotated[str, option("max_connections")] = "",
    drain: Annotated[str, option("drain")] = "",
    tls_cert: Annotated[str, option("tls_cert")] = "",
    tls_key: Annotated[str, option("tls_key")] = "",
    profile: Annotated[str, option("profile")] = "",
    scaling_enabled: Scaling = False,
    workers: Annotated[str, option("workers")] = "",
) -> None:
    """Start the server, and keep it running until a signal.

    \b
    Examples:
      reverb-py serve --dev
      REVERB_APP_ID=1 REVERB_APP_KEY=key REVERB_APP_SECRET=secret reverb-py serve

    Every other setting: reverb-py config
    """
    options = {
        "ipv4_only": "true" if ipv4_only else "",
        **{"host": host, "port": port, "path": path, "hostname": hostname, "debug": "true" if debug else ""},
        **{"log_format": log_format, "log_level": log_level, "allowed_origins": allowed_origins},
        **{"trusted_proxies": trusted_proxies, "max_request_size": max_request_size, "drain": drain},
        **{"max_connections": max_connections, "tls_cert": tls_cert, "tls_key": tls_key, "profile": profile},
        **{"scaling_enabled": "true" if scaling_enabled else "", "workers": workers},
    }
    typed = CommandLine(options, config, env_file, not no_env_file)
    with configuration_errors():
        configuration = load(typed)
        generated = None if len(configuration.apps) else _generate(configuration, dev=dev)
    raise typer.Exit(_run(configuration, generated, typed, dev=dev))


def _generate(configuration: Configuration, *, dev: bool) -> credentials.Generated:
    """Credentials for development, where that is wanted; raise ConfigError elsewhere.

    Elsewhere a random key would disconnect every client for good: 4001 makes pusher-js give up.
    """
    names = "REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET"
    wanted = f"set {names} as in Laravel's .env, or REVERB_APPS or [[apps]]"
    if configuration.platform.managed:
        raise ConfigError(f"no app has credentials: {wanted} in reverb.toml. On a platform none are generated")
    if not dev and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(f"no app has credentials: {wanted} in reverb.toml. To try it out: reverb-py serve --dev")
    return credentials.development_credentials(Path())


def _run(
    configuration: Configuration, generated: credentials.Generated | None, typed: CommandLine, *, dev: bool
) -> int:
    settings, platform = configuration.settings, configuration.platform
    if dev and "host" not in configuration.origins:
        settings = settings.model_copy(update={"host": LOOPBACK[settings.ipv4_only]})
    apps = configuration.apps
    if generated is not None:
        apps = Apps([configuration.app(generated.id, generated.key, generated.secret)])
    _set_up_logging(settings, platform)
    _tell(configuration.notices)
    for file in configuration.files:
        logger.debug("Read %s", file)
    place = str(credentials.PLACE) if generated is not None else ""
    reader = _Reader(typed, configuration)

    from reverb_py import server, workers

    run = server.run
    if settings.workers > 1:
        run = partial(workers.run, begin=partial(_begin_worker, settings, platform, reader))
    return run(
        settings,
        apps,
        on_listening=lambda addresses: _show(
            Banner(settings, apps, addresses, platform, place, bool(place) and sys.stdout.isatty())
        ),
        read_apps=reader if generated is None else lambda: apps,
        origins=configuration.origins,
    )


class _Reader:
    """Reads the configuration again, and tells the notices that it did not have the last time."""

    def __init__(self, typed: CommandLine, configuration: Configuration) -> None:
        self.is_quiet = False
        self._typed = typed
        self._told = configuration.notices

    def __call__(self) -> Apps:
        """The apps; raise ConfigError."""
        configuration = load(self._typed)
        if not self.is_quiet:
            _tell(notice for notice in configuration.notices if notice not in self._told)
        self._told = configuration.notices
        return configuration.apps


def _tell(notices: Iterable[Notice]) -> None:
    for notice in notices:
        logger.log(notice.level, "%s", notice.text)


def _set_up_logging(settings: Settings, platform: Platform, worker: int | None = None) -> None:
    level = "debug" if settings.debug else settings.log_level
    log.set_up(
        settings.log_format,
        level,
        colour=platform.colour,
        fields=platform.log_fields,
        worker=worker,
        in_thread=settings.workers == 1 or worker is not None,  # the parent of workers forks
    )


def _begin_worker(settings: Settings, platform: Platform, reader: _Reader, number: int) -> None:
    _set_up_logging(settings, platform, number)
    reader.is_quiet = True  # the parent reads too, and tells what is worth a word


def _show(banner: Banner) -> None:
    if log.is_text(banner.settings.log_format, sys.stdout):
        log.say(banner.text())
    else:
        for line in banner.lines():
            logger.info("%s", line)
