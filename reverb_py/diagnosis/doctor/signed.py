"""Requests signed in every way that the doctor has to try: with another secret, another path, with body_md5."""

from dataclasses import dataclass
from time import time

from reverb_py.client.signing import Credentials, app_path, body_md5, sign_request
from reverb_py.diagnosis.doctor.exchange import Answer, Request, ask
from reverb_py.diagnosis.doctor.target import Target
from reverb_py.diagnosis.doctor.visit import Visit


@dataclass(frozen=True, slots=True)
class Signing:
    """How a request is signed. The usual way is that of pusher-http-php: the path without the server's prefix."""

    with_md5: bool = False  # of an empty body too, as Python's library does
    with_prefix: bool = False  # signs the whole path


USUAL = Signing()
LIBRARY = "reverb-py-doctor"  # so that the server's log says whose the refused requests are
WHO = {"X-Pusher-Library": LIBRARY}


def credentials_of(target: Target) -> Credentials:
    return Credentials(target.app_id, target.key, target.secret)


def signed(
    target: Target, path: str, *, body: bytes = b"", query: dict[str, str] | None = None, signing: Signing = USUAL
) -> Request:
    """Return the request for `path` below `/apps/<id>`: a POST when it has a body, else a GET."""
    method, whole = "POST" if body else "GET", app_path(target.app_id) + path
    parameters = {**(query or {}), **({"body_md5": body_md5(b"")} if signing.with_md5 else {})}
    what = (target.path if signing.with_prefix else "") + whole
    query_of = sign_request(credentials_of(target), method, what, parameters=parameters, body=body, now=time()).query
    headers = {**WHO, **({"Content-Type": "application/json"} if body else {})}
    return Request(method, f"{target.http_url}{whole}?{query_of}", body, headers)


async def answer_to(visit: Visit, request: Request) -> Answer:
    """Ask the visited server; raise NoAnswer."""
    return await ask(request, visit.tls, visit.inquiry.timeout)
