"""A client of live updates: reads Server-Sent Events from a socket, waiting for what is asked, never for time."""

import json
import socket
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode


class Happening(NamedTuple):
    """One event."""

    name: str
    data: Any
    id: str | None
    retry_ms: int | None


class Listener:
    """A connection; `status` and `headers` are of its answer, `body` of a refusal."""

    def __init__(
        self,
        port: int,
        topics: str | None = None,
        *,
        token: str | None = None,
        path: str = "/v1/stream",
        method: str = "GET",
        headers: dict[str, str] | None = None,
        receive_bytes: int | None = None,
        **query: str,
    ) -> None:
        self._socket = socket.socket()
        if receive_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", port))
        asked = urlencode(query if topics is None else {"topics": topics, **query})
        sent = {"Host": "127.0.0.1", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        lines = [f"{method} {path}?{asked} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(self._header(line) for line in iter(self._file.readline, b"\r\n"))

    @staticmethod
    def _header(line: bytes) -> tuple[str, str]:
        name, _, value = line.decode().strip().partition(": ")
        return name.lower(), value

    @property
    def problem(self) -> Any:
        """Return the body of a refusal."""
        return json.loads(self._file.read())

    def next(self) -> Happening | None:
        """Return the next event, or None when the connection has ended."""
        fields: dict[str, str] = {}
        while True:
            line = self._file.readline().decode()
            if not line:
                return None
            if line == "\n" and "event" in fields:
                retry = fields.get("retry")
                return Happening(
                    fields["event"],
                    json.loads(fields["data"]),
                    fields.get("id"),
                    int(retry) if retry else None,
                )
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value

    def heartbeat(self) -> bool:
        """Return whether a comment comes before anything else."""
        return self._file.readline().startswith(b":")

    def ready(self) -> Self:
        """Read past the event that says it has begun."""
        happening = self.next()
        assert happening is not None, "it ended"
        assert happening.name == "ready", happening
        self.begins = happening.id
        return self

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()
