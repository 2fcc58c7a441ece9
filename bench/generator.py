"""Runs the open loop's process against a server whose workers have their share of its connections."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench import arrivals, cpu
from bench.arrivals import Arrival, Outcome
from tests.processes import Server

SPREAD = 0.4
"""Share of the connections that each worker must hold."""
_ACCEPTED_SECONDS = 0.2
_TRIES = 50


def send(
    server: Server,
    due: Sequence[Arrival],
    *,
    connections: int = arrivals.CONNECTIONS,
    spread: float = SPREAD,
    gives_up: bool = True,
) -> Outcome:
    """Send everything when it is due; return when all is answered, or the server too far behind or refusing.

    Raises: TimeoutError when the connections never spread.
    """
    task = arrivals.task(server.port, due, connections=connections, gives_up=gives_up)
    for _ in range(_TRIES):
        answer = _try(server, task, least=int(connections * spread))
        if answer is not None:
            return arrivals.outcome(answer)
    raise TimeoutError(f"{server.name}: the connections land on one worker, {_TRIES} times")


def _try(server: Server, task: str, *, least: int) -> str | None:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.arrivals"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(task)
        process.stdin.flush()
        process.stdout.readline()  # connected
        time.sleep(_ACCEPTED_SECONDS)
        if cpu.connections_per_worker(server.pid, server.port)[0] < least:
            process.kill()
            return None
        answer, _ = process.communicate("go\n")
    if process.returncode:
        raise RuntimeError(f"the generator ended with {process.returncode}")
    return answer


def request(method: str, path: str, headers: Mapping[str, str], body: Any = None) -> str:  # Any: JSON
    """Return the request as its bytes will be."""
    content = "" if body is None else json.dumps(body)  # ASCII: its length is that of its bytes
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", content])
