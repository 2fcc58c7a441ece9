"""Load as a Pod makes it: clients on kept connections, nothing repeated. Standard library only: it is alone there."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_KEPT_FAILURES = 50
_CONFIRMED_SECONDS = 120.0


@dataclass
class Tally:
    """What came back, over all clients; written by many threads under one lock."""

    requests: int = 0
    failed: int = 0
    acknowledged: int = 0
    connections: int = 0
    failures: list[str] = field(default_factory=list)
    """The first of them, with their times."""
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, took: float, *, is_publish: bool) -> None:
        """Count a request that was answered as it should be."""
        with self.lock:
            self.requests += 1
            self.acknowledged += is_publish
            self.seconds.append(took)

    def failure(self, what: str) -> None:
        """Count a request that was not."""
        with self.lock:
            self.requests += 1
            self.failed += 1
            if len(self.failures) < _KEPT_FAILURES:
                self.failures.append(f"{time.strftime('%H:%M:%S', time.gmtime())} {what}")

    def line(self, kind: str) -> str:
        """Return the counts so far as a line of JSON."""
        with self.lock:
            return json.dumps({"kind": kind, **self._counts()})

    def result(self) -> str:
        """Return the last line: counts, and times of answers in milliseconds."""
        with self.lock:
            times = sorted(self.seconds)
            shares = {f"p{share}_ms": _percentile(times, share) for share in (50, 95, 99)}
            return json.dumps(
                {"kind": "done", **self._counts(), **shares, "slowest_ms": _percentile(times, 100)}
            )

    def _counts(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "acknowledged": self.acknowledged,
            "connections": self.connections,
            "failures": self.failures,
        }


def _percentile(times: list[float], share: int) -> float:
    return round(1000 * times[min(len(times) - 1, len(times) * share // 100)], 1) if times else 0.0


@dataclass(frozen=True)
class Plan:
    """Where the load goes, and what it is made of."""

    host: str
    port: int
    token: str
    account_id: str
    tag: str
    pause_seconds: float

    def requests(self, client: int) -> Iterator[tuple[str, str, str | None]]:
        """Yield method, path and body for ever: one publish, three pages."""
        number = 0
        while True:
            number += 1
            yield "POST", "/v1/twoots", json.dumps({"text": f"#{self.tag} {client}.{number}"})
            yield "GET", "/v1/timelines/public", None
            yield "GET", f"/v1/timelines/tags/{self.tag}", None
            yield "GET", f"/v1/accounts/{self.account_id}/twoots", None

    def connect(self) -> HTTPConnection:
        """Return a connection, opened by the first request."""
        return HTTPConnection(self.host, self.port, timeout=30)


def run_client(plan: Plan, client: int, tally: Tally, stopping: threading.Event) -> None:
    """Make one request after the other on a kept connection.

    A request that fails is counted and never repeated; a connection is left only when the server says so, or is broken.
    """
    connection = plan.connect()
    fresh, answered_at = True, time.monotonic()
    for method, path, body in plan.requests(client):
        if stopping.wait(plan.pause_seconds):
            break
        if fresh:
            with tally.lock:
                tally.connections += 1
        began = time.monotonic()
        try:
            fresh = _ask(connection, plan, method, path, body)
        except (OSError, HTTPException) as ex:
            tally.failure(f"{method} {path}: {ex!r} after {began - answered_at:.2f} s of silence")
            connection.close()
            connection, fresh = plan.connect(), True
        else:
            tally.answered(time.monotonic() - began, is_publish=body is not None)
        answered_at = time.monotonic()
    connection.close()


class Refused(HTTPException):
    """An answer with a status that no client of a sound system sees."""


def _ask(connection: HTTPConnection, plan: Plan, method: str, path: str, body: str | None) -> bool:
    """Make one request and return whether the next one needs a new connection.

    Raises: Refused; OSError and HTTPException when there is no answer.
    """
    headers = {"Authorization": f"Bearer {plan.token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read()
    if response.will_close:
        connection.close()
    if response.status != (200 if body is None else 201):
        raise Refused(f"{response.status} {text[:200]!r}")
    return response.will_close


def sign_up(host: str, port: int, username: str) -> tuple[str, str]:
    """Register an account; return its id and a token once its address is confirmed.

    Raises: TimeoutError when nobody confirms it.
    """
    given = {"username": username, "email": f"{username}@example.org", "password": f"{username} {username}"}
    account = _call(host, port, "POST", "/v1/accounts", given)
    del given["email"]
    token = str(_call(host, port, "POST", "/v1/tokens", given)["token"])
    print(json.dumps({"kind": "registered", "username": username}), flush=True)
    deadline = time.monotonic() + _CONFIRMED_SECONDS
    while not _call(host, port, "GET", "/v1/me", None, token)["email_confirmed"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody confirmed {username}")
        time.sleep(0.5)
    return str(account["id"]), token


def _call(
    host: str, port: int, method: str, path: str, body: object, token: str | None = None
) -> dict[str, object]:
    connection = HTTPConnection(host, port, timeout=30)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status >= 300:
        raise Refused(f"{method} {path}: {response.status} {text[:200]!r}")
    made: dict[str, object] = json.loads(text)
    return made


def run(plan: Plan, clients: int, stopping: threading.Event) -> Tally:
    """Keep that many clients busy until told to stop; write the counts twice a second."""
    tally = Tally()
    threads = [
        threading.Thread(target=run_client, args=[plan, client, tally, stopping]) for client in range(clients)
    ]
    for thread in threads:
        thread.start()
    while not stopping.wait(0.5):
        print(tally.line("progress"), flush=True)
    for thread in threads:
        thread.join()
    return tally


def main() -> None:
    """Read LOAD_URL, LOAD_USERNAME, LOAD_TAG, LOAD_CLIENTS and LOAD_PAUSE_SECONDS; stop at SIGTERM."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    url = urlsplit(os.environ["LOAD_URL"])
    host, port = url.hostname or "", url.port or 80
    account_id, token = sign_up(host, port, os.environ["LOAD_USERNAME"])
    pause_seconds = float(os.environ["LOAD_PAUSE_SECONDS"])
    plan = Plan(host, port, token, account_id, os.environ["LOAD_TAG"], pause_seconds)
    print(run(plan, int(os.environ["LOAD_CLIENTS"]), stopping).result(), flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
