"""The open loop on the small graph: reads and twoots as they come, how many a second, and with ten times the twoots."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from bench import arrivals, cpu, generator, graph, graph_loader, load, members, publishing, servers
from bench.arrivals import Arrival
from bench.graph_loader import LoadedGraph
from bench.members import Member
from bench.report import Line
from bench.searching import MOST_MS, Probe, Search
from bench.stage import Stage
from tests.processes import Server

TWOOTS, QUICK_TWOOTS, TENFOLD = 20_000, 5_000, 10
LEAST_RATE, LEAST_RATIO = 500, 0.9
PAGE = 10
SHARES = {"home": 0.6, "account": 0.3, "publish": 0.1}
_FIRST_RATE, _HELLO_RATE, _SAME_RATE = 100.0, 800.0, 60.0
"""Of the first try, of that of hello world, and of the rounds whose CPU is compared."""
_SLOTS = (4, 5)
_READERS_AT_ONCE = 8


@dataclass(frozen=True)
class Side:
    """A data set with what was found on it."""

    stage: Stage
    loaded: LoadedGraph
    crowd: Sequence[Member]
    rates: list[float] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    same: list[Probe] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return what it is."""
        edges = len(self.loaded.graph.followers) // 2
        return f"{len(self.crowd)} accounts, {edges:,} mutual follows, {self.loaded.loaded.rows:,} twoots"

    @property
    def rate(self) -> float:
        """Return the highest rate, the median of the rounds."""
        return statistics.median(self.rates)


def run(stage: Stage) -> list[Line]:
    """Search the rate for hello world, then on both data sets in turn."""
    rows = QUICK_TWOOTS if stage.plan.rounds == 1 else TWOOTS
    few, many = _load(stage, rows, _SLOTS[0]), _load(stage, rows * TENFOLD, _SLOTS[1])
    hello = Search("hello world", partial(_hello, stage))
    hello_rate = hello.highest(_HELLO_RATE, factor=2)
    for number in range(1 if stage.plan.rounds == 1 else 2):
        for side in (few, many):
            with _served(side) as probe:
                side.same.append(probe(_SAME_RATE))
                search = Search(f"{side.loaded.loaded.rows:,} twoots", probe)
                first, factor = (side.rates[0] * 0.8, 1.25) if number and side.rates[0] else (_FIRST_RATE, 2)
                side.rates.append(search.highest(first, factor=factor))
                side.probes.extend(search.probes)
    return [*_lines(few, many), _control(hello_rate, hello.probes)]


def _load(stage: Stage, rows: int, slot: int) -> Side:
    url = stage.backend.database(f"bench_open_{rows}")
    loaded = graph_loader.load(
        url,
        rows,
        graph.mutual(),
        days=graph_loader.lately(),
        say=lambda text: print(f"  {text} loaded", flush=True),
    )
    here = replace(
        stage, database_url=url, loaded=loaded.loaded, settings=stage.backend.settings(url, slot=slot)
    )
    return Side(here, loaded, members.sign_in(url, loaded.account_ids))


@contextmanager
def _served(side: Side) -> Iterator[Callable[[float], Probe]]:
    """Run everything on a data set, its timelines in Redis, and yield what tries a rate on it."""
    stage = side.stage
    with servers.api(stage.settings) as api, publishing.background(stage) as running:
        everything = [
            Arrival(0, kind, _request(kind, reader, reader, ""))
            for reader in side.crowd
            for kind in ("home", "account")
        ]
        warmed = generator.send(api, everything, connections=_READERS_AT_ONCE, spread=0, gives_up=False)
        if warmed.refused:
            raise load.FailedRequests(f"{warmed.refused[0]}\n{api.log()[-2000:]}")
        yield partial(_probe, side, api, stage.roots(api=api, **running))


def _probe(side: Side, api: Server, roots: Mapping[str, int], rate: float) -> Probe:
    """Try a rate for a while, with everything that is published counted until it is everywhere."""
    due = list(_mixed(side, Random(f"{rate} {len(side.probes)}"), rate, _seconds(side.stage, rate)))
    accounts = cpu.Accounts(roots)
    before = accounts.read_ms()
    outcome = generator.send(api, due)
    answered = time.monotonic()
    servers.await_empty(side.stage.database_url)
    settled_seconds = time.monotonic() - answered
    return Probe(rate, outcome, _each(before, accounts, len(due)), settled_seconds)


def _each(before: Mapping[str, float], accounts: cpu.Accounts, requests: int) -> dict[str, float]:
    """Return CPU milliseconds of one request by server."""
    return {name: ms / requests for name, ms in cpu.spent(before, accounts.read_ms()).items()}


def _mixed(side: Side, random: Random, rate: float, seconds: float) -> Iterator[Arrival]:
    kinds, shares = tuple(SHARES), tuple(SHARES.values())
    for at in arrivals.poisson(random, rate, seconds):
        kind = random.choices(kinds, shares)[0]
        who, whom = random.choices(side.crowd, k=2)
        yield Arrival(at, kind, _request(kind, who, whom, random.choice(side.loaded.texts)))


def _request(kind: str, who: Member, whom: Member, text: str) -> str:
    if kind == "home":
        return generator.request("GET", f"/v1/timelines/home?limit={PAGE}", who.headers)
    if kind == "account":
        return generator.request("GET", f"/v1/accounts/{whom.account_id}/twoots?limit={PAGE}", who.headers)
    return generator.request("POST", "/v1/twoots", who.headers, {"text": text})


def _hello(stage: Stage, rate: float) -> Probe:
    asked = generator.request("GET", "/", {})
    due = [
        Arrival(at, "hello", asked) for at in arrivals.poisson(Random(rate), rate, _seconds(stage, rate) / 2)
    ]
    accounts = cpu.Accounts({"hello": stage.hello.pid})
    before = accounts.read_ms()
    outcome = generator.send(stage.hello, due)
    return Probe(rate, outcome, _each(before, accounts, len(due)))


def _seconds(stage: Stage, rate: float) -> float:
    """Return for how long a rate is tried: for long enough that one request in a hundred is more than a few."""
    return max(stage.plan.seconds * 1.5, min(10.0, 400 / rate))


def _lines(few: Side, many: Side) -> list[Line]:
    lines = [
        Line(
            f"open loop, {side.name}",
            f"highest rate, p99 < {MOST_MS:g} ms",
            side.rate,
            "/s",
            LEAST_RATE if side is few else None,
            at_most=False,
            detail={"rates": [round(rate) for rate in side.rates], "probes": _details(side.probes)},
        )
        for side in (few, many)
    ]
    case = "open loop, ten times the twoots"
    ratio = many.rate / few.rate if few.rate else 0.0
    cpu_ms = [statistics.median(probe.cpu_ms for probe in side.same) for side in (few, many)]
    detail = {"cpu_ms": cpu_ms, "rate": _SAME_RATE, "probes": _details([*few.same, *many.same])}
    return [
        *lines,
        Line(case, "rate ratio", ratio, "", LEAST_RATIO, at_most=False),
        Line(case, f"CPU ratio at {_SAME_RATE:g}/s", cpu_ms[1] / cpu_ms[0], "", detail=detail),
    ]


def _control(rate: float, probes: Sequence[Probe]) -> Line:
    figure = f"highest rate, p99 < {MOST_MS:g} ms"
    return Line("open loop, hello world (control)", figure, rate, "/s", detail={"probes": _details(probes)})


def _details(probes: Sequence[Probe]) -> list[dict[str, object]]:
    return [probe.detail() for probe in probes]
