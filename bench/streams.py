"""Live updates: memory of a process with thousands of idle listeners, and how soon a thousand hear of a twoot."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Sequence

import psutil

from bench import bulk, members, servers
from bench.members import Member
from bench.report import Line
from bench.stage import Stage
from tests.processes import Server

IDLE, LISTENERS, TWOOTS = 5_000, 1_000, 20
MAX_MIB, MAX_MS = 200, 500
_PATIENCE_SECONDS = 30
_PLACES = "TWOOTER_STREAM_CONNECTIONS_PER_ACCOUNT"
_EVENT = b"event: public\n"


def run(stage: Stage) -> list[Line]:
    """Measure one process, with relay and worker beside it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = _sign_in(stage)
    places = {_PLACES: str((IDLE + LISTENERS) // len(crowd) + 2)}
    with (
        servers.api(stage.settings) as api,
        servers.relay(stage.settings),
        servers.worker(stage.settings),
        servers.stream({**stage.settings, **places}) as stream,
    ):
        before = psutil.Process(stream.pid).memory_info().rss / 2**20
        idle = [_listen(stream.port, crowd[number % len(crowd)], "home") for number in range(IDLE)]
        after = psutil.Process(stream.pid).memory_info().rss / 2**20
        hearing = [_listen(stream.port, crowd[number % len(crowd)], "public") for number in range(LISTENERS)]
        try:
            times = _hear(api, crowd[0], hearing)
        finally:
            for one in (*idle, *hearing):
                one.close()
    detail = {"before_mib": round(before, 1), "p50_ms": round(times[len(times) // 2], 1)}
    return [
        Line(f"stream, {IDLE:,} idle listeners", "memory", after, "MiB", MAX_MIB, detail=detail),
        Line(
            f"stream, a twoot to {LISTENERS:,} listeners from its answer on",
            "p99",
            times[int(len(times) * 0.99)],
            "ms",
            MAX_MS,
            detail=detail,
        ),
    ]


def _sign_in(stage: Stage) -> list[Member]:
    with bulk.connected(stage.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM accounts WHERE state = 'active' AND id > 100 ORDER BY id LIMIT %s", (LISTENERS,)
        )
        return members.sign_in(stage.database_url, [row[0] for row in cursor.fetchall()])


def _listen(port: int, member: Member, topic: str) -> socket.socket:
    """Return a connection that has begun."""
    made = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    head = f"GET /v1/stream?topics={topic} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\n\r\n"
    made.sendall(head.encode())
    told = b""
    while not told.endswith(b"\n\n"):
        more = made.recv(4096)
        assert more, told
        told += more
    assert b"event: ready" in told, told
    made.setblocking(False)
    return made


def _hear(api: Server, writer: Member, hearing: Sequence[socket.socket]) -> list[float]:
    """Return, sorted, the milliseconds from each twoot's answer to each listener's event."""
    times: list[float] = []
    with selectors.DefaultSelector() as ready:
        for one in hearing:
            ready.register(one, selectors.EVENT_READ)
        for number in range(TWOOTS):
            members.call(f"{api.url}/v1/twoots", writer, {"text": f"Heard by all, {number}."})
            began, waiting = time.perf_counter(), len(hearing)
            while waiting:
                assert time.perf_counter() - began < _PATIENCE_SECONDS, f"{waiting} have not heard"
                for key, _ in ready.select(1):
                    heard = key.fileobj.recv(65_536).count(_EVENT)  # type: ignore[union-attr]  # sockets alone
                    times += [(time.perf_counter() - began) * 1000] * heard
                    waiting -= heard
    return sorted(times)
