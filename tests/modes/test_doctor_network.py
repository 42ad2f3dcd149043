"""Failure modes of the way to a server, each produced for real; the doctor names every one by its code."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reverb_py import codes
from reverb_py.cli.exits import ExitCode
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Status
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Surroundings, resolve, surroundings
from reverb_py.diagnosis.fingerprint import fingerprint
from tests.conformance.fixture import CERTIFICATE
from tests.doctor_process import doctor
from tests.modes.nginx import UPGRADE, needs_nginx, nginx, passes_all
from tests.modes.responder import Reply, responder
from tests.modes.visiting import APP, QUICK, SECRET, at, env_file, first, found, told
from tests.server_process import ServerProcess, free_port


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with ServerProcess(env=APP) as process:
        yield at(process.wait_until_ready().port)


async def test_of_a_healthy_server_everything_passes(server: Target) -> None:
    began = asyncio.get_running_loop().time()
    findings = await found(server, replace(QUICK, origin="https://example.com"), client=replace(server, secret=""))
    assert {each.status for each in findings} == {Status.PASS}
    assert "loopback pass" in told(findings)
    assert asyncio.get_running_loop().time() - began < 5


# The values of the publisher are wrong.


@pytest.mark.parametrize(
    ("wrong", "code", "title"),
    [
        pytest.param({"app_id": "7"}, codes.UNKNOWN_APP, "no app 7", marks=pytest.mark.mode("RVB301", "doctor")),
        pytest.param({"app_id": "100 "}, codes.UNKNOWN_APP, "without the blanks", id="blank after the id"),
        pytest.param(
            {"secret": "another"}, codes.WRONG_SECRET, "is refused", marks=pytest.mark.mode("RVB302", "doctor")
        ),
        pytest.param({"secret": f'"{SECRET}"'}, codes.WRONG_SECRET, "without the quotes", id="quoted secret"),
        pytest.param({"secret": f"{SECRET}\n"}, codes.WRONG_SECRET, "without the blanks", id="secret and newline"),
        pytest.param({"key": "other"}, codes.WRONG_KEY, "not this key", marks=pytest.mark.mode("RVB303", "doctor")),
        pytest.param(
            {"app_id": "7", "key": "other"}, codes.UNKNOWN_APP, "no app 7", id="both of them"
        ),
        pytest.param(
            {"scheme": "https"}, codes.TLS_TO_PLAIN, "plain HTTP", marks=pytest.mark.mode("RVB203", "doctor")
        ),
        pytest.param(
            {"host": "reverb.railway.internal"}, codes.NAME_UNKNOWN, "cannot be resolved",
            marks=pytest.mark.mode("RVB208", "doctor"),
        ),
        pytest.param(
            {"host": "::1"}, codes.IPV4_ONLY, "on IPv4 only", marks=pytest.mark.mode("RVB206", "doctor")
        ),
    ],
)  # fmt: skip
async def test_a_wrong_value_is_named(server: Target, wrong: dict[str, str], code: Code, title: str) -> None:
    finding = first(await found(replace(server, **wrong)))  # type: ignore[arg-type]
    assert (finding.status, finding.code) == (Status.FAIL, code)
    assert title in finding.title


async def test_a_wrong_secret_is_told_with_where_the_other_fingerprint_stands(server: Target) -> None:
    finding = first(await found(replace(server, secret="another")))
    assert "Hmac" not in finding.evidence
    assert "RVB302" in finding.evidence
    assert fingerprint("another") in finding.fix[0]
    assert (
        "reverb-py serve prints the server's fingerprint at its start; or give the doctor --server-env"
        in finding.fix[1]
    )


@pytest.mark.mode("RVB201", "doctor")
async def test_nobody_listens_on_this_machine() -> None:
    around = Surroundings(resolve, ports=())
    finding = first(await found(at(free_port()), around=around))
    assert finding.code is codes.LOCAL_HOST
    assert finding.fix[0].startswith("REVERB_PORT=<the port the server listens on>")


@pytest.mark.mode("RVB209", "doctor")
async def test_the_server_listens_on_another_port(server: Target) -> None:
    around = surroundings({"PORT": str(server.port)})
    finding = first(await found(at(free_port()), around=around))
    assert finding.code is codes.PORTS_DIFFER
    assert finding.fix[0] == f"REVERB_PORT={server.port}"


@pytest.mark.mode("RVB207", "doctor")
async def test_the_server_listens_on_ipv6_alone() -> None:
    with ServerProcess("--host", "::1", env=APP) as process:
        while "Listening on" not in process.output:  # /up is asked over IPv4
            assert process.returncode is None, process.output
            await asyncio.sleep(0.02)
        findings = await found(at(process.port))
        assert first(findings).code is codes.IPV6_ONLY
        assert {each.status for each in await found(at(process.port, "::1"))} == {Status.PASS}


@pytest.mark.mode("RVB208", "doctor")
async def test_a_private_name_is_said_to_need_railway(server: Target) -> None:
    outside = Surroundings(resolve, is_on_railway=False)
    inside = Surroundings(resolve, is_on_railway=True)
    target = replace(server, host="reverb.railway.internal")
    assert "not inside Railway" in first(await found(target, around=outside)).evidence
    assert "No service of this project" in first(await found(target, around=inside)).evidence


# The way to the server: TLS, edges, proxies.


@pytest.fixture(scope="module")
def tls_server() -> Iterator[int]:
    with ServerProcess(env={**APP, **CERTIFICATE}, tls=True) as process:
        yield process.wait_until_ready().port


@pytest.mark.mode("RVB205", "doctor")
async def test_a_certificate_signed_by_itself_is_shown(tls_server: int) -> None:
    finding = first(await found(at(tls_server, scheme="https")))
    assert finding.code is codes.UNTRUSTED_CERTIFICATE
    assert "self-signed" in finding.title
    assert "issued by itself, expires" in finding.evidence
    assert "localhost" in finding.evidence


async def test_with_insecure_the_visit_goes_on(tls_server: int) -> None:
    findings = await found(at(tls_server, scheme="https"), replace(QUICK, insecure=True))
    assert "network.tls warn RVB205" in told(findings)
    assert "loopback pass" in told(findings)


@pytest.mark.mode("RVB205", "doctor")
@pytest.mark.parametrize(
    ("days", "names", "title"),
    [("1", "DNS:elsewhere.example", "IP address mismatch"), ("-1", "IP:127.0.0.1", "certificate has expired")],
)
async def test_a_certificate_of_another_name_or_time_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: str, names: str, title: str
) -> None:
    certificate = _certificate(tmp_path, days, names)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # trusted, so that only name or time are wrong
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    async with responder(lambda asked: Reply(), tls=context) as port:
        finding = first(await found(at(port, scheme="https")))
    assert finding.code is codes.UNTRUSTED_CERTIFICATE
    assert title in finding.title
    assert f"for {names.partition(':')[2]}" in finding.evidence


def _certificate(directory: Path, days: str, names: str) -> Path:
    """Make one that is valid for so many days; a negative number has expired."""
    asked, made = directory / "asked.csr", directory / "certificate.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", directory / "key.pem")
    name = ("-subj", "/CN=doctor", "-addext", f"subjectAltName={names}")
    subprocess.run(["openssl", "req", "-new", *key, *name, "-out", asked], check=True, capture_output=True)
    sign = ("-signkey", directory / "key.pem", "-days", days, "-copy_extensions", "copy")
    subprocess.run(["openssl", "x509", "-req", "-in", asked, *sign, "-out", made], check=True, capture_output=True)
    return made


async def test_plain_http_to_a_port_with_tls_is_told(tls_server: int) -> None:
    finding = first(await found(at(tls_server)))
    assert finding.status is Status.FAIL
    assert finding.fix == ("REVERB_SCHEME=https",)


@pytest.mark.mode("RVB204", "doctor")
@needs_nginx
async def test_an_edge_redirects_to_https(tmp_path: Path) -> None:
    with nginx(tmp_path, "return 301 https://$host$request_uri;") as port:
        finding = first(await found(at(port)))
    assert finding.code is codes.REDIRECTED_PUBLISH
    assert finding.fix == ("REVERB_SCHEME=https", "REVERB_PORT=443")


@needs_nginx
async def test_through_a_proxy_as_documented_everything_passes(server: Target, tmp_path: Path) -> None:
    with nginx(tmp_path, passes_all(server.port)) as port:
        assert {each.status for each in await found(at(port))} == {Status.PASS}


@needs_nginx
@pytest.mark.parametrize(
    ("locations", "code"),
    [
        pytest.param(
            f"location /app/ {{{{ proxy_pass http://127.0.0.1:{{port}}; {UPGRADE} }}}}",
            codes.APPS_NOT_PROXIED,
            marks=pytest.mark.mode("RVB210", "doctor"),
            id="only /app",
        ),
        pytest.param(
            f"rewrite ^/apps/.*$ $uri? break; location / {{{{ proxy_pass http://127.0.0.1:{{port}}; {UPGRADE}"
            " rewrite ^(/apps/.*)$ $1? break; }}",
            codes.QUERY_DROPPED,
            marks=pytest.mark.mode("RVB211", "doctor"),
            id="query dropped",
        ),
        pytest.param(
            f"location / {{{{ proxy_pass http://127.0.0.1:{{port}}; {UPGRADE}"
            " rewrite ^/apps/100/channels$ /apps/100/channels?added=1 break; }}",
            codes.QUERY_DROPPED,
            marks=pytest.mark.mode("RVB211", "doctor"),
            id="query changed",
        ),
        pytest.param(
            "location / {{ proxy_pass http://127.0.0.1:{port}; }}",
            codes.NOT_AN_UPGRADE,
            marks=pytest.mark.mode("RVB604", "doctor"),
            id="no upgrade",
        ),
    ],
)
async def test_a_proxy_loses_what_matters(server: Target, tmp_path: Path, locations: str, code: Code) -> None:
    with nginx(tmp_path, locations.format(port=server.port)) as port:
        finding = first(await found(at(port)))
    assert (finding.status, finding.code) == (Status.FAIL, code)


@pytest.mark.mode("RVB211", "doctor")
@needs_nginx
@pytest.mark.parametrize(
    ("path", "title", "evidence"),
    [
        ("/other/100/channels", "knows no such path", "404 'Not found.'"),
        ("/apps/100/connections", "The secret is right", "got /apps/100/connections instead of /apps/100/channels"),
    ],
)
async def test_a_proxy_rewrites_the_path(server: Target, tmp_path: Path, path: str, title: str, evidence: str) -> None:
    with nginx(tmp_path, passes_all(server.port, f"rewrite ^/apps/100/channels$ {path} break;")) as port:
        finding = first(await found(at(port)))
    assert finding.code is codes.QUERY_DROPPED
    assert title in finding.title
    assert evidence in finding.evidence


@pytest.mark.mode("RVB605", "doctor")
@needs_nginx
async def test_a_proxy_ends_silence(server: Target, tmp_path: Path) -> None:
    with nginx(tmp_path, passes_all(server.port, "proxy_read_timeout 1s;")) as port:
        finding = first(await found(at(port), replace(QUICK, soak=3)))
    assert finding.code is codes.IDLE_PROXY
    assert "after 1 s" in finding.title


# The command, with a file of variables that are all right.


@needs_nginx
def test_the_command_names_the_proxy_in_its_first_lines(server: Target, tmp_path: Path) -> None:
    with nginx(tmp_path, f"location /app/ {{ proxy_pass http://127.0.0.1:{server.port}; {UPGRADE} }}") as port:
        ran = doctor(tmp_path, "--env-file", str(env_file(tmp_path, at(port))))
    assert codes.APPS_NOT_PROXIED.id in ran.first_of("✖")
    assert ran.code == ExitCode.NEGATIVE
    assert SECRET not in ran.out


def test_the_command_finds_nothing_wrong_with_a_healthy_server(server: Target, tmp_path: Path) -> None:
    ran = doctor(tmp_path, "--env-file", str(env_file(tmp_path, server)), "--json")
    assert ran.code == ExitCode.FINE
    assert "32 of 32 events arrived" in ran.out
    assert SECRET not in ran.out
