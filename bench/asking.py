"""Questions to the HTTP API, one after another on one connection: `python -m bench.asking PORT TIMES NUMBER INFO`.

For each line on stdin it asks `GET /channels` so many TIMES, with `info=INFO`. It says how long that took, and how many
answers were not NUMBER presence channels with one user each. It goes when stdin ends.
"""

import hashlib
import hmac
import json
import sys
import time
from http.client import HTTPConnection
from statistics import quantiles

from bench.process import APP_ID, KEY, SECRET


def ask(connection: HTTPConnection, path: str, **parameters: str) -> tuple[int, bytes]:
    """A signed GET below the app's path: status and body."""
    path = f"/apps/{APP_ID}{path}"
    signed = {"auth_key": KEY, "auth_timestamp": str(int(time.time())), "auth_version": "1.0", **parameters}
    query = "&".join(f"{name}={value}" for name, value in sorted(signed.items()))
    signature = hmac.new(SECRET.encode(), f"GET\n{path}\n{query}".encode(), hashlib.sha256).hexdigest()
    connection.request("GET", f"{path}?{query}&auth_signature={signature}")
    answer = connection.getresponse()
    return answer.status, answer.read()


def is_right(status: int, body: bytes, number: int, info: str) -> bool:
    """Return True for an answer that has every channel, and no other, with the attribute that was asked for."""
    expected = {info: 1} if info else {}
    channels = {f"presence-bench-{each}": expected for each in range(number)}
    return status == 200 and json.loads(body) == {"channels": channels}


def main(port: int, times: int, number: int, info: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    print(json.dumps({"connected": 1}), flush=True)
    wanted = {"info": info} if info else {}
    for _ in sys.stdin:
        began, taken, wrong = time.monotonic(), [], 0
        for _ in range(times):
            asked = time.perf_counter()
            status, body = ask(connection, "/channels", **wanted)
            taken.append((time.perf_counter() - asked) * 1e6)
            wrong += not is_right(status, body, number, info)
        shares = quantiles(taken, n=100)
        seconds = time.monotonic() - began
        told = {"asked": times, "wrong": wrong, "seconds": seconds, "p50_us": shares[49], "p99_us": shares[98]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    port, times, number = map(int, sys.argv[1:4])
    main(port, times, number, sys.argv[4])
