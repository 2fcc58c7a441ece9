"""Message statistics of 24 years × 5,000 tags: unchanged (304), warm, and with one year changed."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from functools import partial
from random import Random

from bench import bulk, cpu, load, members, servers
from bench.bulk import insert, quote
from bench.load import Request
from bench.publishing import background
from bench.report import Line
from bench.stage import Stage, compare
from twooter.domain import ids, windows
from twooter.domain.grammar import tag_key
from twooter.domain.windows import Unit
from twooter.storage import tables

YEARS, TAGS = 24, 5_000
CHANGES = 20
PATH = "/management/message-stats"
_KINDS = ("coffee", "music", "garden", "cycling", "poetry", "weather", "chess", "travel", "science", "bread")
_PLACES = ("north", "south", "valley", "island", "forest", "market", "station", "bridge", "square", "harbour")


def run(stage: Stage) -> list[Line]:
    """Measure on a database of its own, whose last year is the present one."""
    url = stage.backend.database("bench_stats")
    tags = _load(url)
    settings = stage.backend.settings(url, slot=3)
    stage = Stage(stage.backend, stage.hello, stage.plan, url, stage.loaded, settings)
    with servers.api(settings) as api, background(stage):
        body, headers = members.call(api.url + PATH)
        measure = partial(load.measure, api, roots=stage.roots(api=api), seconds=stage.plan.seconds)
        unchanged = Request(api.url + PATH, {"If-None-Match": headers["etag"]})
        load.warm(api, Request(api.url + PATH, {}), seconds=2)
        compared = compare(
            stage, {"304": lambda: measure(unchanged), "200": lambda: measure(Request(api.url + PATH, {}))}
        )
        changed = [
            _changed_ms(stage, api.url, tags[n], cpu.Accounts(stage.roots(api=api))) for n in range(CHANGES)
        ]
    size = {"bytes": len(body), "years": YEARS, "tags": TAGS}
    middle = statistics.median(ms for ms, _ in changed)
    detail = {**size, "wall_ms": round(statistics.median(wall for _, wall in changed), 1)}
    return [
        *compared["304"].lines("message-stats, unchanged (304)", cpu_ms=0.5),
        *compared["200"].lines("message-stats, warm (200)", cpu_ms=6),
        Line("message-stats, one year changed", "CPU per request", middle, "ms", 80, detail=detail),
    ]


def _changed_ms(stage: Stage, url: str, tag: str, accounts: cpu.Accounts) -> tuple[float, float]:
    """Return CPU and wall milliseconds of the first reading that sees a new message."""
    members.call(f"{url}/messages", body={"text": "One more.", "tag": tag})
    servers.await_empty(stage.database_url)
    time.sleep(1.1)  # statistics may be a second old
    before, started = accounts.read_fine_ms(), time.perf_counter()
    members.call(url + PATH)
    return accounts.read_fine_ms() - before, (time.perf_counter() - started) * 1000


def _load(url: str) -> list[str]:
    """Fill the years' aggregates; there are no twoots behind them. Return the tags."""
    random = Random(1)
    tags = [f"{_KINDS[n % 10]}-{_PLACES[n // 10 % 10]}{n // 100}" for n in range(TAGS)]
    last = datetime.now(UTC).year
    starts = [windows.year_start(year) for year in range(last - YEARS + 1, last + 1)]
    first_id = ids.first_at(starts[0])
    with bulk.connected(url) as connection:
        insert(
            connection,
            tables.Hashtags,
            "id key name uses accounts",
            (f"({first_id + n},{quote(tag_key(tag))},{quote(tag)},{YEARS},1)" for n, tag in enumerate(tags)),
        )
        insert(
            connection,
            tables.HashtagWindows,
            "unit start_ms tag_id uses accounts",
            (
                f"({Unit.YEAR},{start_ms},{first_id + n},{random.randint(100, 999)},0)"
                for start_ms in starts
                for n in range(TAGS)
            ),
        )
        insert(
            connection,
            tables.Windows,
            "unit start_ms twoots version",
            (f"({Unit.YEAR},{start_ms},{TAGS},1)" for start_ms in starts),
        )
    return tags
