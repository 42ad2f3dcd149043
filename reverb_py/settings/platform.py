"""Where the server runs, as far as the environment tells: Railway, Kubernetes, or a machine of one's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# What Docker's and Kubernetes' service links set for a service called `reverb…`: not meant for us.
SERVICE_LINK_NAME = re.compile(r"REVERB_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://\S+")


@dataclass(frozen=True, slots=True)
class Platform:
    """`port` is what the platform sends its traffic to, as text; domains are "" when there is none."""

    railway: bool = False
    kubernetes: bool = False
    public_domain: str = ""
    private_domain: str = ""
    port: str = ""
    draining_seconds: float | None = None
    replica_id: str = ""  # it runs services in replicas, perhaps in one
    deployment_id: str = ""
    colour: bool | None = None  # asked for or forbidden; None: as it fits where the output goes

    @property
    def managed(self) -> bool:
        """Return True where nobody sits at a terminal, and made-up credentials would harm."""
        return self.railway or self.kubernetes

    @property
    def log_fields(self) -> dict[str, str]:
        """What tells this process's lines from those of others."""
        fields = {"replica_id": self.replica_id, "deployment_id": self.deployment_id}
        return {name: text for name, text in fields.items() if text}

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Platform":
        return cls(
            railway=any(name.startswith("RAILWAY_") for name in environ),
            kubernetes="KUBERNETES_SERVICE_HOST" in environ,
            public_domain=environ.get("RAILWAY_PUBLIC_DOMAIN", "").strip(),
            private_domain=environ.get("RAILWAY_PRIVATE_DOMAIN", "").strip(),
            port=environ.get("PORT", "").strip(),
            draining_seconds=_seconds(environ.get("RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "")),
            replica_id=environ.get("RAILWAY_REPLICA_ID", ""),
            deployment_id=environ.get("RAILWAY_DEPLOYMENT_ID", ""),
            colour=_colour(environ),
        )


def _colour(environ: Mapping[str, str]) -> bool | None:
    """NO_COLOR (no-color.org) wins over FORCE_COLOR (force-color.org), whose 0 asks for nothing."""
    if environ.get("NO_COLOR"):
        return False
    return True if environ.get("FORCE_COLOR", "0") not in ("", "0") else None


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", text) else None
