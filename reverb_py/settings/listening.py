"""Where the server listens, and how clients reach it: the first part of the server's settings."""

from typing import Annotated, Literal, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reverb_py.settings.about import About
from reverb_py.settings.values import Host, Path, Port, Switch, Word


class ListeningSettings(BaseSettings):
    """`Settings` is made of it; nothing else is."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    host: Annotated[
        Host,
        About(
            "Address to listen on; empty, * and :: are every IPv4 and IPv6 address, 0.0.0.0 is IPv4 alone.",
            ("REVERB_SERVER_HOST",),
            "",
            "every IPv4 and IPv6 address",
        ),
    ] = ""
    port: Annotated[
        Port,
        About("Port to listen on; 0 takes a free one. 8080 is Reverb's.", ("REVERB_SERVER_PORT", "PORT")),
    ] = 8080
    ipv4_only: Annotated[
        Switch,
        About(
            "Of every address, listen on those of IPv4 alone, on Railway too, where 0.0.0.0 would be widened.",
            ("REVERB_IPV4_ONLY",),
        ),
    ] = False
    path: Annotated[
        Path,
        About(
            "Prefix of every path, as Reverb's: ws, /ws and /ws/ are the same.",
            ("REVERB_SERVER_PATH",),
            "",
            "none",
        ),
    ] = ""
    hostname: Annotated[
        Host,
        About(
            "Host that clients connect to; for the suggestions at start only.",
            ("REVERB_HOST",),
            "",
            "none",
        ),
    ] = ""
    public_port: Annotated[
        Port,
        About(
            "Port that clients connect to, 0: the one listened on; for the suggestions only.",
            ("REVERB_PORT",),
        ),
    ] = 0
    public_scheme: Annotated[
        Literal["", "http", "https"],
        Word,
        About(
            "Scheme that clients connect by; for the suggestions only.",
            ("REVERB_SCHEME",),
            shown_default="https for port 443, else http",
            choices=("http", "https"),
        ),
    ] = ""
    tls_cert: Annotated[
        str,
        About(
            "Certificate chain (PEM); with tls_key the server speaks TLS itself.",
            ("REVERB_TLS_CERT",),
            "file",
            "none",
        ),
    ] = ""
    tls_key: Annotated[str, About("Private key of the certificate (PEM).", ("REVERB_TLS_KEY",), "file", "none")] = ""

    @model_validator(mode="after")
    def _certificate_and_key_together(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            given, missing = ("TLS_CERT", "TLS_KEY") if self.tls_cert else ("TLS_KEY", "TLS_CERT")
            raise ValueError(f"REVERB_{given} is set and REVERB_{missing} is not: TLS needs both; set it, or neither")
        return self

    @model_validator(mode="after")
    def _no_ipv6_address_beside_ipv4_only(self) -> Self:
        if self.ipv4_only and ":" in self.host:
            raise ValueError(f"the host {self.host} is of IPv6, and REVERB_IPV4_ONLY is true: remove one of them")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: `load` reads the sources, by Laravel's rules and in our order."""
        return (init_settings,)
