"""Footprint of an API process: memory after many requests, and time from start to ready."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import cpu, load, publishing, reading, servers, timelines
from bench.load import Request
from bench.report import Line
from bench.stage import Stage
from tests.processes import Server

MAX_MIB = 90
MAX_GROWTH = 1.03
"""From 20,000 to 40,000 requests."""


def run(stage: Stage) -> list[Line]:
    """Measure the larger of the workers."""
    starts = []
    for _ in range(3):
        began = time.perf_counter()
        with servers.api(stage.settings):
            starts.append(time.perf_counter() - began)
    with servers.api(stage.settings) as api, TemporaryDirectory() as folder:
        sizes = [_size(api)]
        for _ in range(4):
            _ten_thousand(stage, api, Path(folder))
            sizes.append(_size(api))
    detail = {"after_ten_thousands_mib": [round(size, 1) for size in sizes]}
    return [
        Line("API process, 10,000 requests", "memory", sizes[1], "MiB", MAX_MIB, detail=detail),
        Line("API process, 20,000 to 40,000", "growth", sizes[4] / sizes[2], "", MAX_GROWTH, detail=detail),
        Line(
            "API, start to first answer", "time", statistics.median(starts), "s", 1, detail={"all_s": starts}
        ),
    ]


def _size(api: Server) -> float:
    return max(cpu.rss_mib(api.pid))


def _ten_thousand(stage: Stage, api: Server, folder: Path) -> None:
    """Read all over the data set, anonymous and signed in, and publish, until there were that many for each worker."""
    reader = reading.sign_in_reader(stage.database_url, stage.loaded)
    requests = list(reading.requests(api, stage.loaded, reader, folder).values())
    requests += [Request(api.url + path, {}) for path in timelines.paths(stage).values()]
    requests.append(publishing.load_of(stage, api, folder))
    asked = 0
    while asked < 10_000 * servers.WORKERS:
        for request in requests:
            asked += load.warm(api, request, seconds=1)
