"""Growth: what the same reads cost on ten thousand twoots and on a million."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import load, loader, reading, servers
from bench.load import Request, Round
from bench.report import Line
from bench.stage import Stage
from tests.processes import Server

FEW_ROWS = 10_000
MAX_RATIO = 1.1
Side = tuple[Server, Mapping[str, Request]]


def run(stage: Stage) -> list[Line]:
    """Measure every read on both data sets in turn."""
    with TemporaryDirectory() as folder:
        few_url, few = _load(stage, FEW_ROWS)
        many_url, many = _load(stage, stage.plan.many_rows)
        few_settings = stage.backend.settings(few_url, slot=1)
        many_settings = stage.backend.settings(many_url, slot=2)
        with servers.api(few_settings) as few_api, servers.api(many_settings) as many_api:
            sides = []
            for api, loaded, url in ((few_api, few, few_url), (many_api, many, many_url)):
                place = Path(folder, api.name + str(loaded.rows))
                place.mkdir()
                reader = reading.sign_in_reader(url, loaded)
                sides.append((api, reading.requests(api, loaded, reader, place)))
            return [line for name in sides[0][1] for line in _compare(stage, name, sides[0], sides[1])]


def _load(stage: Stage, rows: int) -> tuple[str, loader.Loaded]:
    url = stage.backend.database(f"bench_{rows}")
    return url, loader.load(url, rows)


def _compare(stage: Stage, name: str, few: Side, many: Side) -> list[Line]:
    rounds: tuple[list[Round], list[Round]] = ([], [])
    for api, requests in (few, many):
        load.warm(api, requests[name], seconds=1)
    for _ in range(stage.plan.growth_rounds):
        for found, (api, requests) in zip(rounds, (few, many), strict=True):
            found.append(load.measure(api, requests[name], stage.roots(api=api), seconds=stage.plan.seconds))
    fewer, more = rounds
    ratio = statistics.median(m.cpu_ms / f.cpu_ms for f, m in zip(fewer, more, strict=True))
    p99_ms = [round(load.median(side, lambda r: r.p99_ms), 2) for side in rounds]
    cpu_ms = [round(load.median(side, lambda r: r.cpu_ms), 3) for side in rounds]
    case = f"{name}: {stage.plan.many_rows:,} rows against {FEW_ROWS:,}"
    detail = {"cpu_ms": cpu_ms, "p99_ms": p99_ms}
    return [
        Line(case, "CPU ratio", ratio, "", MAX_RATIO, detail=detail),
        Line(case, "p99", p99_ms[1], "ms", detail=detail),
    ]
