"""From REDIS_URL or its parts to one address. Only to be called while scaling is on."""

import ssl
from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from reverb_py.cluster.redis.address import RedisAddress
from reverb_py.codes import MALFORMED_VALUE
from reverb_py.settings.errors import ConfigError
from reverb_py.settings.explain import explain
from reverb_py.settings.redis import RedisSettings
from reverb_py.settings.sources import Found, Source, first
from reverb_py.settings.table import REDIS_SETTINGS

PLACES = ("redis_url", "redis_host")  # whoever sets none of them means the Redis of this machine
LOGIN = ("redis_username", "redis_password")


def read_redis(sources: Sequence[Source]) -> tuple[RedisAddress, dict[str, Found]]:
    """The address, and where its parts were set; raise ConfigError, without a secret.

    What is not needed is not read: a URL wins over its parts, and takes from them a login that it does not have itself,
    as Laravel's does.
    """
    values, found = _read(sources, ("redis_url",))
    if not values.redis_url:
        values, found = _read(sources, tuple(RedisSettings.model_fields))
        return _checked(_of_parts(values, found), found), found
    address = _parse(values.redis_url, found["redis_url"])
    if not address.password:
        values, login = _read(sources, LOGIN)
        address = replace(address, username=address.username or values.redis_username, password=values.redis_password)
        found |= login
    return _checked(address, found), found


def _read(sources: Sequence[Source], names: Sequence[str]) -> tuple[RedisSettings, dict[str, Found]]:
    found = first(sources, [row for row in REDIS_SETTINGS if row.name in names])
    try:
        return RedisSettings.model_validate({name: each.value for name, each in found.items()}), found
    except ValidationError as error:
        raise explain(error, found, REDIS_SETTINGS) from None


def _of_parts(values: RedisSettings, found: dict[str, Found]) -> RedisAddress:
    """What the host says itself, as a URL does, comes before the other parts."""
    host = values.redis_host.strip() or RedisAddress().host
    if host.startswith("/"):
        place = RedisAddress(unix_socket=host)
    elif "://" in host:
        place = _parse(host, found["redis_host"])
    else:
        bare = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
        place = _parse(f"{values.redis_scheme}://{bare}", found.get("redis_host"))
    return replace(
        place,
        port=values.redis_port if place.port == RedisAddress().port and values.redis_port else place.port,
        username=place.username or values.redis_username,
        password=place.password or values.redis_password,
        database=place.database or values.redis_database,
    )


def _parse(url: str, found: Found | None) -> RedisAddress:
    origin = found.origin if found else "REDIS_HOST"
    if "${" in url:
        what = "holds a reference, which nothing has replaced by its value: write the value itself"
        raise ConfigError(f"{origin} {what} [{MALFORMED_VALUE}]")
    try:
        return RedisAddress.parse(url)
    except ValueError as error:
        raise ConfigError(f"{origin} {error}") from None


def _checked(address: RedisAddress, found: dict[str, Found]) -> RedisAddress:
    """Load the certificates once, so that a wrong path is told now."""
    if address.tls and address.ca_file:
        try:
            ssl.create_default_context(cafile=address.ca_file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            place = next((found[name].origin for name in PLACES if name in found), "REDIS_URL")
            text = (
                f"{place}: cannot use the certificates {address.ca_file!r}: {reason}. Correct ssl_ca_certs, a PEM file"
            )
            raise ConfigError(text) from None
    return address
