"""What `helm test` runs: somebody registers, posts, reads timelines, and sees that a worker has counted the post."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from http.client import HTTPConnection
from typing import Any

SECONDS = 90
"""Time a worker has to count a post: it may have to start first."""


class Client:
    """Talks to the API in JSON, and ends the test at the first answer that is not as expected."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.token = ""

    def __call__(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:  # Any: JSON
        """Return the answer's JSON."""
        connection = HTTPConnection(self._host, self._port, timeout=10)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != expected:
            sys.exit(f"{method} {path} was answered with {answer.status} instead of {expected}: {text}")
        return json.loads(text) if text else None


def tell(line: str) -> None:
    """Write what has been done."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def registered(client: Client) -> str:
    """Register somebody, confirm the address as an operator would, sign in; return the name."""
    name, password = f"helm_test_{secrets.token_hex(5)}", secrets.token_urlsafe(18)
    client(
        "POST",
        "/v1/accounts",
        {"username": name, "email": f"{name}@example.org", "password": password},
        expected=201,
    )
    confirm = [sys.executable, "-m", "twooter", "account", "confirm", name]
    subprocess.run(confirm, check=True, timeout=60)  # noqa: S603 - this very interpreter
    client.token = client("POST", "/v1/tokens", {"username": name, "password": password}, expected=201)[
        "token"
    ]
    return name


def await_count(client: Client, tag: str) -> float:
    """Wait until a worker has counted the tag's use; return the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        found = client("GET", f"/v1/hashtags?prefix={tag}")["items"]
        if any(item["name"] == tag and item["uses"] == 1 for item in found):
            return time.monotonic() - began
        time.sleep(0.25)
    sys.exit(f"No worker has counted #{tag} within {SECONDS} s: look at the relay's and the workers' logs.")


def main() -> None:
    """Tell the story."""
    client = Client(os.environ["API_HOST"], int(os.environ["API_PORT"]))
    name = registered(client)
    tell(f"registered, confirmed and signed in: @{name}")
    try:
        tag = f"helmtest{secrets.token_hex(4)}"
        twoot = client("POST", "/v1/twoots", {"text": f"Is everything well? #{tag}"}, expected=201)
        tell(f"posted: {twoot['id']}")
        for path in ("/v1/timelines/public", f"/v1/timelines/tags/{tag}"):
            if twoot["id"] not in [item["id"] for item in client("GET", path)["items"]]:
                sys.exit(f"{path} does not show the twoot {twoot['id']}")
            tell(f"read: {path}")
        tell(f"counted by a worker after {await_count(client, tag):.2f} s")
    finally:
        client("DELETE", "/v1/me", expected=202)
    tell(f"deleted: @{name}")


main()
