"""Configuration: command line, environment, env file, TOML and defaults become checked values.

For `server` and `cli` only; nothing below them has heard of settings.
"""

from reverb_py.settings.errors import ConfigError, Notice
from reverb_py.settings.load import CommandLine, Configuration, check_certificate, load, load_server
from reverb_py.settings.platform import Platform
from reverb_py.settings.server import Settings
from reverb_py.settings.table import SETTINGS, Setting

__all__ = [
    "SETTINGS",
    "CommandLine",
    "ConfigError",
    "Configuration",
    "Notice",
    "Platform",
    "Setting",
    "Settings",
    "check_certificate",
    "load",
    "load_server",
]
