"""An open loop: requests at times chosen before, whatever the server does, each timed from when it was due.

Run as a process of its own, so that nothing else takes its time: what to send comes as JSON on standard input, what was
answered goes as JSON to standard output. It says how late it was itself.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from random import Random
from typing import Any

CONNECTIONS = 32
GIVE_UP_SECONDS = 3.0
"""When so long a queue stands before the server, it has lost."""
_ANSWER_SECONDS = 10.0
_CONNECTED = "connected\n"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request, as its bytes, and when it is due after the start."""

    due_seconds: float
    kind: str
    request: str


@dataclass(slots=True)
class Outcome:
    """What came of it; `refused` holds the first answers that were neither 2xx nor 304."""

    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    lags_ms: list[float] = field(default_factory=list)
    """How late requests left for which a connection was free: the generator's own lateness."""
    refused: list[str] = field(default_factory=list)
    gave_up: bool = False
    cpu_share: float = 0.0
    """Of one core, taken by the generator."""

    def latency_ms(self, percent: float, kind: str | None = None) -> float:
        """Return the latency that so many of a hundred requests did not exceed."""
        kinds = self.latencies_ms if kind is None else (kind,)
        return percentile([ms for name in kinds for ms in self.latencies_ms[name]], percent)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many of a hundred do not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def poisson(random: Random, rate: float, seconds: float) -> list[float]:
    """Return times within `seconds`, independent of each other, `rate` of them a second."""
    found, at = [], random.expovariate(rate)
    while at < seconds:
        found.append(at)
        at += random.expovariate(rate)
    return found


class _Connection:
    """One kept connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.free_since = 0.0
        self.arrival = Arrival(0, "", "")
        self._received = b""
        self._end = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, arrival: Arrival) -> None:
        self.arrival, self._received, self._end = arrival, b"", 0
        self.socket.sendall(arrival.request.encode())

    def receive(self) -> bytes | None:
        """Return the answer's head when all of it is there."""
        part = self.socket.recv(262_144)
        self._received += part
        if not part:
            return b"the connection was closed"
        if not self._end:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return None
            self._end = head + 4 + _length(self._received[:head])
        return self._received[:500] if len(self._received) >= self._end else None


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


class Loop:
    """Sends what is due over the connection that is free for longest; answers are read as they come."""

    def __init__(
        self, connections: Sequence[_Connection], arrivals: Sequence[Arrival], *, gives_up: bool
    ) -> None:
        self._gives_up = gives_up
        self._idle, self._busy = deque(connections), set[_Connection]()
        self._arrivals = deque(arrivals)
        self._latencies: dict[str, array[float]] = {one.kind: array("d") for one in arrivals}
        self._lags = array("d")
        self._outcome = Outcome()
        self._began = 0.0

    def run(self) -> Outcome:
        """Return when everything is answered, or the server is too far behind."""
        gc.disable()
        cpu_began, self._began = time.process_time(), time.perf_counter()
        while (self._arrivals or self._busy) and not self._outcome.gave_up:
            self._send()
            self._receive()
        taken = time.perf_counter() - self._began
        found = self._outcome
        found.cpu_share = (time.process_time() - cpu_began) / taken
        found.latencies_ms = {kind: list(ms) for kind, ms in self._latencies.items()}
        found.lags_ms = list(self._lags)
        return found

    def _send(self) -> None:
        while self._arrivals and self._idle:
            now = time.perf_counter() - self._began
            due = self._arrivals[0].due_seconds
            if due > now:
                return
            connection = self._idle.popleft()
            self._lags.append((now - max(due, connection.free_since)) * 1000)
            connection.send(self._arrivals.popleft())
            self._busy.add(connection)
        if self._gives_up and self._arrivals:
            behind_seconds = time.perf_counter() - self._began - self._arrivals[0].due_seconds
            self._outcome.gave_up |= behind_seconds > GIVE_UP_SECONDS

    def _receive(self) -> None:
        patience = _ANSWER_SECONDS
        if self._arrivals and self._idle:
            patience = max(0.0, self._arrivals[0].due_seconds - (time.perf_counter() - self._began))
        ready, _, _ = select.select(self._busy, (), (), patience)  # waits to the microsecond, unlike epoll
        if not ready and patience == _ANSWER_SECONDS:
            raise TimeoutError(f"no answer within {patience:g} s")
        for connection in ready:
            head = connection.receive()
            if head is not None:
                self._answered(connection, head)

    def _answered(self, connection: _Connection, head: bytes) -> None:
        connection.free_since = time.perf_counter() - self._began
        arrival = connection.arrival
        self._latencies[arrival.kind].append((connection.free_since - arrival.due_seconds) * 1000)
        if head[9:10] != b"2" and head[9:12] != b"304":
            self._outcome.refused.append(head.decode(errors="replace"))
            self._outcome.gave_up = True
        self._busy.remove(connection)
        self._idle.append(connection)


def outcome(answer: str) -> Outcome:
    """Return what the process wrote."""
    return Outcome(**json.loads(answer))


def task(port: int, arrivals: Sequence[Arrival], *, connections: int, gives_up: bool) -> str:
    """Return what the process is to read."""
    given = {
        "port": port,
        "connections": connections,
        "gives_up": gives_up,
        "arrivals": [asdict(one) for one in arrivals],
    }
    return json.dumps(given) + "\n"


def main() -> None:
    """Open the connections, say so, and go on when told to."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    arrivals = [Arrival(**one) for one in given["arrivals"]]
    connections = [_Connection(given["port"]) for _ in range(given["connections"])]
    sys.stdout.write(_CONNECTED)
    sys.stdout.flush()
    if sys.stdin.readline():
        json.dump(asdict(Loop(connections, arrivals, gives_up=given["gives_up"]).run()), sys.stdout)


if __name__ == "__main__":
    main()
