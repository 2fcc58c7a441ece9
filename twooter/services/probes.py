"""Probes: Twooter used as a client uses it, over its public address, in bounded time."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_REQUEST_SECONDS = 10.0
_CLEANUP_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_MAX_ANSWER_BYTES = 1_048_576
_TAGS = 64
"""Hashtags are never forgotten: probes share so many, and two that run at once rarely count the same one."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who probes: somebody with a token, with a name and a password, or (without either) nobody.

    `is_new`: the name is to be registered first, and its account to be deleted at the end.
    """

    token: str | None = None
    username: str | None = None
    password: str | None = None
    is_new: bool = False


@dataclass(slots=True)
class Result:
    """How a probe ended: what each step took, and at which one it failed, if any."""

    url: str
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    failed_step: str | None = None
    error: str | None = None

    @property
    def is_ok(self) -> bool:
        """Return whether every step succeeded."""
        return self.failed_step is None


class _Wrong(Exception):
    """What came back is not what a client may expect."""


class Probe:
    """Posts, reads what it posted, waits until workers have counted it, and takes it away again."""

    def __init__(self, url: str, person: Person, *, seconds: float) -> None:
        self._url = url.rstrip("/")
        self._person = person
        self._deadline = time.monotonic() + seconds
        self._bearer = person.token
        self._tag = f"twooterprobe{secrets.randbelow(_TAGS)}"
        self._cleanups: list[tuple[str, str]] = []  # (method, path), to be done in reverse
        self.result = Result(self._url)

    def run(self) -> Result:
        """Probe; every failure is in the result. Takes its seconds at most, and ten more to clean up."""
        began = time.monotonic()
        try:
            self._steps()
        except (_Wrong, OSError, ValueError, LookupError, TypeError) as ex:
            self._fail(ex)
        self._deadline = time.monotonic() + _CLEANUP_SECONDS
        try:
            with self._step("clean_up"):
                for method, path in reversed(self._cleanups):
                    self._call(method, path, expected=(202, 204))
        except (_Wrong, OSError, ValueError) as ex:
            self._fail(ex)
        self.result.seconds = round(time.monotonic() - began, 3)
        return self.result

    def _steps(self) -> None:
        with self._step("sign_in"):
            self._sign_in()
        with self._step("count"):
            before = self._uses()
        with self._step("publish"):
            id_ = self._publish()
        with self._step("read"):
            self._await(lambda: id_ in self._newest(), "it is not in the timeline")
        with self._step("aggregate"):
            self._await(lambda: self._uses() > before, "it is not counted")

    def _sign_in(self) -> None:
        person = self._person
        if person.token is not None or person.username is None:
            return
        given = {"username": person.username, "password": person.password}
        if person.is_new:
            address = f"{person.username}@example.com"
            self._call("POST", "/v1/accounts", {**given, "email": address}, expected=(201,))
        made = self._call("POST", "/v1/tokens", given, expected=(201,))
        self._bearer = made["token"]
        self._cleanups.append(("DELETE", "/v1/me" if person.is_new else f"/v1/tokens/{made['id']}"))

    def _publish(self) -> str:
        text = f"A probe of this service; it is gone in a moment. #{self._tag}"
        if self._bearer is None:
            made = self._call("POST", "/messages", {"text": text, "tag": self._tag}, expected=(200,))
            return str(made).rpartition(" ")[2]
        made = self._call("POST", "/v1/twoots", {"text": text}, expected=(201,))
        id_ = str(made["id"])
        self._cleanups.append(("DELETE", f"/v1/twoots/{id_}"))
        read = self._call("GET", f"/v1/twoots/{id_}", expected=(200,))
        if read["text"] != text:
            raise _Wrong("another text than was published")
        return id_

    def _newest(self) -> set[str]:
        page = self._call("GET", f"/v1/timelines/tags/{self._tag}", expected=(200,))
        return {str(item["id"]) for item in page["items"]}

    def _uses(self) -> int:
        found = self._call("GET", f"/v1/hashtags/{self._tag}", expected=(200, 404))
        return int(found.get("uses", 0))

    def _await(self, condition: Callable[[], bool], otherwise: str) -> None:
        while not condition():
            if time.monotonic() + _PAUSE_SECONDS > self._deadline:
                raise _Wrong(f"{otherwise} in time")
            time.sleep(_PAUSE_SECONDS)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, expected: tuple[int, ...]
    ) -> Any:  # Any: JSON
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Wrong("no time is left")
        headers = {"User-Agent": "twooter-probe", "Accept": "application/json"}
        if self._bearer is not None:
            headers["Authorization"] = f"Bearer {self._bearer}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - the command checks the scheme
        try:
            with urllib.request.urlopen(request, timeout=min(left, _REQUEST_SECONDS)) as answer:  # noqa: S310 - as above
                status, text = answer.status, answer.read(_MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as ex:
            with ex:
                status, text = ex.code, ex.read(_MAX_ANSWER_BYTES)
        if status not in expected:
            raise _Wrong(f"{method} {path.partition('?')[0]} was answered with {status}{_code(text)}")
        return json.loads(text) if text else None

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self._name = name
        yield
        self.result.steps[name] = round(time.monotonic() - began, 3)

    def _fail(self, ex: Exception) -> None:
        if self.result.failed_step is None:
            self.result.failed_step = self._name
            self.result.error = str(ex) if isinstance(ex, _Wrong) else f"{type(ex).__name__}: {ex}"[:300]


def _code(text: bytes) -> str:
    """Return the code of a problem, which says what is wrong and nothing secret."""
    try:
        return f" ({json.loads(text)['code']})"
    except (ValueError, LookupError, TypeError):
        return ""
