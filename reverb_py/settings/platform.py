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
    replica: bool = False  # it runs services in replicas, perhaps in one
    colour: bool = True  # nobody set NO_COLOR

    @property
    def managed(self) -> bool:
        """Return True where nobody sits at a terminal, and made-up credentials would harm."""
        return self.railway or self.kubernetes

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Platform":
        return cls(
            railway=any(name.startswith("RAILWAY_") for name in environ),
            kubernetes="KUBERNETES_SERVICE_HOST" in environ,
            public_domain=environ.get("RAILWAY_PUBLIC_DOMAIN", "").strip(),
            private_domain=environ.get("RAILWAY_PRIVATE_DOMAIN", "").strip(),
            port=environ.get("PORT", "").strip(),
            draining_seconds=_seconds(environ.get("RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "")),
            replica=bool(environ.get("RAILWAY_REPLICA_ID")),
            colour=not environ.get("NO_COLOR"),
        )


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", text) else None
