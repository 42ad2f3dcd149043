"""A visit of the doctor to a server on loopback, as the tests make it, and what they ask of its findings."""

from pathlib import Path

from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.probes import probe
from reverb_py.diagnosis.doctor.target import Inquiry, Target
from reverb_py.diagnosis.doctor.visit import Surroundings

SECRET = "doctors-test-secret"
APP = {"REVERB_APP_ID": "100", "REVERB_APP_KEY": "doctors-key", "REVERB_APP_SECRET": SECRET}
DRIVER = "customer.100.driver-location"
QUICK = Inquiry(timeout=1.0)


def at(port: int, host: str = "127.0.0.1", scheme: str = "http") -> Target:
    return Target(scheme, host, port, "100", "doctors-key", SECRET)


async def found(
    target: Target, inquiry: Inquiry = QUICK, client: Target | None = None, around: Surroundings | None = None
) -> list[Finding]:
    """All findings; no text of them holds the secret."""
    findings = [finding async for finding in probe(target, inquiry, client, around)]
    assert SECRET not in " ".join(f"{each.title} {each.evidence} {' '.join(each.fix)}" for each in findings)
    return findings


def first(findings: list[Finding]) -> Finding:
    """The first that is not well."""
    return next(each for each in findings if each.status in (Status.FAIL, Status.WARN))


def told(findings: list[Finding]) -> list[str]:
    return [f"{each.check} {each.status} {each.code or ''}".strip() for each in findings]


def env_file(directory: Path, target: Target) -> Path:
    """A publisher's env file that names that server."""
    file = directory / "web.env"
    file.write_text(
        f"BROADCAST_CONNECTION=reverb\nQUEUE_CONNECTION=sync\nREVERB_APP_ID={target.app_id}\n"
        f"REVERB_APP_KEY={target.key}\nREVERB_APP_SECRET={target.secret}\nREVERB_HOST={target.host}\n"
        f"REVERB_PORT={target.port}\nREVERB_SCHEME={target.scheme}\n"
    )
    return file
