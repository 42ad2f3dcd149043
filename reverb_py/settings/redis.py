"""The settings of Redis: rows of the table, read only while scaling is on.

Their variables are other programs' too and stand in every Laravel project. While scaling is off, whatever they hold
means nothing here.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from reverb_py.settings.about import About
from reverb_py.settings.values import Count, Port, Text, Word


class RedisSettings(BaseModel):
    """Laravel's `database.redis.default`, part by part."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    redis_url: Annotated[
        Text,
        About(
            "Redis: redis://user:password@host:6379/0, rediss:// for TLS, unix:///path; it wins over its parts below.",
            ("REDIS_URL",),
            "",
            "made of its parts",
            secret=True,
        ),
    ] = ""
    redis_host: Annotated[
        Text, About("Host of Redis, or the path of its socket; tls:// before it is TLS.", ("REDIS_HOST", "REDISHOST"))
    ] = "127.0.0.1"
    redis_port: Annotated[Port, About("Port of Redis.", ("REDIS_PORT", "REDISPORT"))] = 6379
    redis_username: Annotated[
        Text, About("User of Redis; none is Redis's `default`.", ("REDIS_USERNAME", "REDISUSER"), "", "none")
    ] = ""
    redis_password: Annotated[
        Text, About("Password of Redis.", ("REDIS_PASSWORD", "REDISPASSWORD"), "", "none", secret=True)
    ] = ""
    redis_database: Annotated[
        Count, About("Number of the database in Redis; a Redis Cluster has 0 alone.", ("REDIS_DB",))
    ] = 0
    redis_scheme: Annotated[
        Literal["tcp", "redis", "rediss", "tls"],
        Word,
        About(
            "tls is TLS, verified by the system's certificates; those of your own: ?ssl_ca_certs= of REDIS_URL.",
            ("REDIS_SCHEME",),
            choices=("tcp", "redis", "rediss", "tls"),
        ),
    ] = "tcp"
