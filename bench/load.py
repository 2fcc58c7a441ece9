"""Load: `wrk` with sixteen kept connections, and what a round of it cost the servers."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from tests.processes import Server

CONNECTIONS = 16
LEAST = 4
"""Connections each worker must hold: with all on one, two processes are as fast as one."""
_CONNECTED_SECONDS = 0.2
_TRIES = 50
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class MissingTool(Exception):
    """`wrk` is not installed."""


class FailedRequests(Exception):
    """The servers refused requests of a benchmark; its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the load generator; `parts_ms` per request by server, `others` the machine's share of strangers."""

    requests: int
    rps: float
    p50_ms: float
    p99_ms: float
    parts_ms: Mapping[str, float]
    others: float

    @property
    def cpu_ms(self) -> float:
        """Return CPU milliseconds per request over all servers."""
        return sum(self.parts_ms.values())


@dataclass(frozen=True, slots=True)
class Request:
    """What the load generator asks: a URL with headers, or a Lua script with its arguments."""

    url: str
    headers: Mapping[str, str]
    script: Path | None = None
    arguments: Sequence[str] = ()


def measure(
    server: Server,
    request: Request,
    roots: Mapping[str, int],
    *,
    seconds: int,
    settle: Callable[[], None] | None = None,
) -> Round:
    """Return a round in which both workers had their share of the connections; `settle` ends what it began.

    Raises: FailedRequests; TimeoutError when the connections never spread.
    """
    accounts = cpu.Accounts(roots)
    for _ in range(_TRIES):
        machine, before = cpu.Machine(), accounts.read_ms()
        text = _run(server, request, seconds)
        if settle is not None:
            settle()
        if text is not None:
            parts_ms = cpu.spent(before, accounts.read_ms())
            return _round(text, parts_ms, machine.others(sum(parts_ms.values())))
    raise TimeoutError(f"{server.name}: the connections land on one worker, {_TRIES} times")


def warm(server: Server, request: Request, *, seconds: int) -> int:
    """Let every thread meet the request; return how often it was made."""
    text = _run(server, request, seconds, least=0) or ""
    return int(_found(r"(\d+) requests in", text))


def median(rounds: Sequence[Round], what: Callable[[Round], float]) -> float:
    """Return the median of a figure."""
    return statistics.median(map(what, rounds))


def _run(server: Server, request: Request, seconds: int, *, least: int = LEAST) -> str | None:
    """Return what `wrk` wrote, or None (at once) when a worker has less than `least` connections."""
    program = shutil.which("wrk")
    if program is None:
        raise MissingTool("wrk is not installed: apt install wrk")
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for name, value in request.headers.items():
        command += ["-H", f"{name}: {value}"]
    if request.script is not None:
        command += ["-s", str(request.script)]
    command += [request.url, "--", *request.arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(_CONNECTED_SECONDS)
        if cpu.connections_per_worker(server.pid, server.port)[0] < least:
            process.kill()
            return None
        text, _ = process.communicate(timeout=seconds + 60)
    if re.search(r"Non-2xx|Socket errors", text) or process.returncode:
        raise FailedRequests(f"{request.url}\n{text}\n{server.log()[-2000:]}")
    return text


def _round(text: str, parts_ms: Mapping[str, float], others: float) -> Round:
    requests = int(_found(r"(\d+) requests in", text))
    return Round(
        requests,
        float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        _latency(text, 50),
        _latency(text, 99),
        {name: ms / requests for name, ms in parts_ms.items()},
        others,
    )


def _latency(text: str, percent: int) -> float:
    line = rf"(?m)^\s+{percent}%\s+"  # of the distribution: other lines hold shares too
    return float(_found(rf"{line}([\d.]+)", text)) * _UNITS_MS[_found(rf"{line}[\d.]+(us|ms|s|m)\s*$", text)]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk said something else: {text}")
    return match[1]
