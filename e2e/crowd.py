"""People as a Pod makes them: they join, follow, write, read and listen. Standard library only: it is alone there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

Given = dict[str, Any]  # JSON, as the other side of the Pod's wall wrote it
Tell = Callable[[Given], None]
_PAUSE_SECONDS = 0.25
_SILENCE_SECONDS = 40
"""Longer than two heartbeats."""
_KNOWN_SECONDS = 60


class Refused(HTTPException):
    """An answer with a status that no client of a sound system sees."""


def call(given: Given, method: str, path: str, body: object = None, *, token: str = "") -> Any:  # Any: JSON
    """Make one request to the API of `given`, and return its JSON.

    Raises: Refused; OSError and HTTPException when there is no answer.
    """
    connection = HTTPConnection(given["host"], given["port"], timeout=30)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise Refused(f"{method} {path}: {response.status} {text[:200]!r}")
    return json.loads(text) if text else None


def join(given: Given, tell: Tell) -> None:
    """Register `names` and sign them in; tell their ids and tokens."""
    for name in given["names"]:
        account = {"username": name, "email": f"{name}@example.org", "password": f"{name} {name} {name}"}
        made = call(given, "POST", "/v1/accounts", account)
        del account["email"]
        tell({"id": made["id"], "token": call(given, "POST", "/v1/tokens", account)["token"]})


def follow(given: Given, tell: Tell) -> None:
    """Let everybody of `tokens` follow `account_id`, and read the home timeline, which is kept from then on.

    Live updates reach who is known as a follower: that is a worker's doing, and waited for.

    Raises: TimeoutError.
    """
    account = f"/v1/accounts/{given['account_id']}"
    for token in given["tokens"]:
        call(given, "PUT", f"{account}/follow", token=token)
        call(given, "GET", "/v1/timelines/home", token=token)
    until = time.monotonic() + _KNOWN_SECONDS
    while call(given, "GET", account)["counts"]["followers"] < len(given["tokens"]):
        if time.monotonic() > until:
            raise TimeoutError("a follower is still unknown")
        time.sleep(_PAUSE_SECONDS)
    tell({"follow": len(given["tokens"])})


def publish(given: Given, tell: Tell) -> None:
    """Write `texts`, one after the other with `pause_seconds` between them; tell the id of each."""
    for text in given["texts"]:
        tell({"id": call(given, "POST", "/v1/twoots", {"text": text}, token=given["token"])["id"]})
        time.sleep(given["pause_seconds"])


def read_homes(given: Given, tell: Tell) -> None:
    """Wait until the home timelines of `tokens` show exactly `ids`, in this order; tell how long that took.

    Raises: TimeoutError with what one of them shows instead, after `seconds`.
    """
    began = time.monotonic()
    for token in given["tokens"]:
        while (shown := _home(given, token)) != given["ids"]:
            if time.monotonic() - began > given["seconds"]:
                missing = [id_ for id_ in given["ids"] if id_ not in shown]
                raise TimeoutError(
                    f"{len(shown)} are shown, {len(set(shown))} of them once; missing: {missing}"
                )
            time.sleep(_PAUSE_SECONDS)
    tell({"seconds": round(time.monotonic() - began, 2)})


def _home(given: Given, token: str) -> list[str]:
    return [item["id"] for item in call(given, "GET", "/v1/timelines/home?limit=100", token=token)["items"]]


def listen(given: Given, tell: Tell) -> None:
    """Listen to `topics` for ever, as browsers do: come back when the connection ends, and say what was heard last."""
    last, pause_seconds = "", 0.5
    while True:
        try:
            for event in events(given, last):
                last = event.get("id", last)
                pause_seconds = int(event.get("retry", 1000 * pause_seconds)) / 1000
                tell({"kind": event["event"], "place": last, "id": json.loads(event["data"]).get("id")})
        except (OSError, HTTPException) as ex:
            tell({"kind": "lost", "why": repr(ex)})
        time.sleep(pause_seconds)


def events(given: Given, last: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each event until the connection ends.

    Raises: Refused; OSError and HTTPException when it breaks.
    """
    connection = HTTPConnection(given["host"], given["port"], timeout=_SILENCE_SECONDS)
    headers = {"Authorization": f"Bearer {given['token']}"} | ({"Last-Event-ID": last} if last else {})
    try:
        connection.request("GET", f"/v1/stream?{urlencode({'topics': given['topics']})}", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise Refused(f"{response.status} {response.read(200)!r}")
        yield from _parsed(response)
    finally:
        connection.close()


def _parsed(response: HTTPResponse) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    while line := response.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield fields
            fields = {}


DEEDS = {"join": join, "follow": follow, "publish": publish, "read_homes": read_homes, "listen": listen}


def main() -> None:
    """Do what the argument says, as JSON; write what is told as lines of JSON."""
    given: Given = json.loads(sys.argv[1])
    DEEDS[given["deed"]](given, lambda told: print(json.dumps(told), flush=True))


if __name__ == "__main__":
    main()
