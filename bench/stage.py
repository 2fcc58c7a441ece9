"""What every case is given: the servers, the loaded data, and how long to measure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import load
from bench.load import Request, Round
from bench.loader import Loaded
from bench.report import Line
from bench.servers import Backend
from tests.processes import Server


@dataclass(frozen=True, slots=True)
class Plan:
    """How much and how long; seconds are of one round."""

    rows: int
    many_rows: int
    rounds: int
    growth_rounds: int
    seconds: int
    probes: int


@dataclass(frozen=True)
class Stage:
    """One database of twoots with everything that runs on it."""

    backend: Backend
    hello: Server
    plan: Plan
    database_url: str
    loaded: Loaded
    settings: Mapping[str, str]

    def roots(self, **servers: Server) -> dict[str, int]:
        """Return the process trees whose CPU time counts: the database, Redis, and these."""
        shared = {"mariadb": self.backend.mariadb, "redis": self.backend.redis}
        return {name: server.pid for name, server in {**servers, **shared}.items()}

    def ceiling(self) -> Round:
        """Return a round of hello world."""
        return load.measure(
            self.hello,
            Request(self.hello.url, {}),
            {"hello": self.hello.pid},
            seconds=max(1, self.plan.seconds // 2),
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """Rounds of a case, each beside the round of hello world before it."""

    rounds: Sequence[Round]
    ceilings: Sequence[Round]

    @property
    def share(self) -> float:
        """Return requests per second against hello world, median."""
        return statistics.median(r.rps / c.rps for r, c in zip(self.rounds, self.ceilings, strict=True))

    def lines(self, case: str, *, cpu_ms: float | None = None, share: float | None = None) -> list[Line]:
        """Return the figures of the case."""
        middle = sorted(self.rounds, key=lambda r: r.cpu_ms)[len(self.rounds) // 2]
        hello_ms = load.median(self.ceilings, lambda r: r.cpu_ms)
        detail = {
            "cpu_in_hellos": round(middle.cpu_ms / hello_ms, 2),
            "rps": round(load.median(self.rounds, lambda r: r.rps)),
            "p50_ms": load.median(self.rounds, lambda r: r.p50_ms),
            "p99_ms": load.median(self.rounds, lambda r: r.p99_ms),
            "cpu_ms_by_server": {name: round(ms, 3) for name, ms in middle.parts_ms.items()},
            "hello_cpu_ms": round(hello_ms, 3),
            "others": round(load.median(self.rounds, lambda r: r.others), 2),
            "hello_rps": round(load.median(self.ceilings, lambda r: r.rps)),
        }
        return [
            Line(case, "CPU per request", middle.cpu_ms, "ms", cpu_ms, detail=detail),
            Line(case, "share of hello world", self.share, "", share, at_most=False),
        ]


def compare(stage: Stage, measures: Mapping[str, Callable[[], Round]]) -> dict[str, Compared]:
    """Run every case `plan.rounds` times, hello world before each."""
    found: dict[str, list[tuple[Round, Round]]] = {name: [] for name in measures}
    for _ in range(stage.plan.rounds):
        for name, measure in measures.items():
            ceiling = stage.ceiling()
            found[name].append((measure(), ceiling))
    return {name: Compared([r for r, _ in pairs], [c for _, c in pairs]) for name, pairs in found.items()}
