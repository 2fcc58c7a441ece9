"""A client that sends what others would not, and the one shape every refusal has."""

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from typing import Any

PASSWORD = "correct horse battery staple"
HEAD = (
    b"POST /v1/twoots HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
)
"""What a publishing client begins with; takes the token as bytes."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
TELLTALES = re.compile(
    rb"Traceback|File \"|\.py\b|SELECT |INSERT |UPDATE |DELETE FROM|sqlite|pymysql|peewee|Errno|twt_\d|0x[0-9a-f]{6}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; of a repeated one all values, comma separated."""
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body's JSON value."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the code of a problem."""
        return str(self.json["code"])


@dataclass(frozen=True)
class Member:
    """An account with a token."""

    id: str
    username: str
    token: str

    @property
    def email(self) -> str:
        """Return the address it registered with."""
        return f"{self.username}@example.com"


class Client:
    """Sends requests, each on a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 30,
    ) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        data = (
            body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        )
        sent = {"Content-Type": "application/json"} if data is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, data, {**sent, **(headers or {})})
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self, *, seconds: float = 30) -> socket.socket:
        """Open a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def raw(self, sent: bytes, *, seconds: float = 30) -> list[Answer]:
        """Send bytes as they are, then nothing; return the answers until the server closes."""
        with self.connect(seconds=seconds) as sock:
            try:
                sock.sendall(sent)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has refused already
            return answers_of(sock)

    def sign_up(self, username: str) -> Member:
        """Register an account and sign in."""
        given = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
        made = self.call("POST", "/v1/accounts", given)
        assert made.status == 201, made
        return Member(made.json["id"], username, self.sign_in(username))

    def sign_in(self, username: str) -> str:
        """Return a new token."""
        made = self.call("POST", "/v1/tokens", {"username": username, "password": PASSWORD})
        assert made.status == 201, made
        return str(made.json["token"])

    def publish(self, member: Member, text: str, **headers: str) -> str:
        """Publish a twoot and return its id."""
        made = self.call("POST", "/v1/twoots", {"text": text}, token=member.token, headers=headers)
        assert made.status == 201, made
        return str(made.json["id"])


def answers_of(sock: socket.socket) -> list[Answer]:
    """Return every answer that comes before the server closes."""
    data = b""
    try:
        while part := sock.recv(65_536):
            data += part
    except ConnectionResetError:
        pass  # closed while we were still sending
    found = []
    stream = BytesIO(data)
    while stream.tell() < len(data):
        response = HTTPResponse(_Stream(stream))  # type: ignore[arg-type]  # all it asks a socket for is a file
        response.begin()
        found.append(_answer(response))
    return found


def assert_refused(answer: Answer, *statuses: int) -> Answer:
    """Assert that the answer is a problem with one of these statuses, and tells nothing it should not; return it."""
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json
    assert problem["status"] == answer.status
    assert all(problem[name] for name in ("type", "title", "code", "detail")), problem
    assert REQUEST_ID.fullmatch(problem["request_id"]), problem
    assert answer.headers["x-request-id"] == problem["request_id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not TELLTALES.search(answer.body), answer
    if answer.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if answer.status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return answer


class _Stream:
    def __init__(self, stream: BytesIO) -> None:
        self._stream = stream

    def makefile(self, _: str) -> "_Stream":
        return self

    def close(self) -> None:
        """Stay open: the next answer follows."""

    def flush(self) -> None:
        """Do nothing: this is for reading."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _answer(response: HTTPResponse) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Answer(response.status, headers, response.read())
