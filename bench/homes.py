"""Home timelines on the social graph: read with and without Redis, written to followers, and what an entry takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis

from bench import graph, load, members, publishing, servers
from bench.graph import LoadedGraph
from bench.load import Request, Round
from bench.report import Line
from bench.stage import Stage, compare
from tests.processes import Server
from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, Envelope
from twooter.logs import configure
from twooter.services.fanout import Fanout
from twooter.services.house import Services
from twooter.services.popular import Popular
from twooter.settings import Settings
from twooter.storage.cache import Cache
from twooter.storage.homes import Entry, HomeWindows
from twooter.wiring import wire

SLOT = 3
"""The graph's part of Redis."""
WRITERS, FOLLOWERS = 16, 25
REACHED = 5_000
"""Followers of the account whose twoots are waited for; a tenth of those of the first one."""
PER_SECOND = 5
ENTRIES = 400
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Crowd:
    """The graph, loaded, and the services of this process on it."""

    stage: Stage
    """On the graph's database."""
    graph: LoadedGraph
    services: Services
    windows: HomeWindows
    redis: Any  # Any: redis-py's answers

    def signed_in(self, api: Server, account_id: int) -> Request:
        """Return the reading of an account's home timeline."""
        reader = members.sign_in(self.stage.database_url, [account_id])[0]
        return Request(f"{api.url}/v1/timelines/home", reader.headers)

    def fill(self, account_ids: Sequence[int]) -> None:
        """Let accounts have full timelines in Redis: of made-up rows, with those of one followed among them."""
        for number, account_id in enumerate(account_ids):
            self.redis.delete(f"home:{account_id}")
            mark = self.windows.begin(account_id)
            assert mark is not None
            rows = [
                Entry(10**18 + number * ENTRIES + at, account_id, is_retwoot=False) for at in range(ENTRIES)
            ]
            self.windows.finish(account_id, mark, rows[::-1], whole=False)


def run(stage: Stage) -> list[Line]:
    """Measure everything on one graph."""
    quick = stage.plan.rounds == 1
    accounts = graph.QUICK_ACCOUNTS if quick else graph.ACCOUNTS
    url = stage.backend.database("bench_graph")
    started = time.monotonic()
    loaded = graph.load(url, stage.plan.many_rows, accounts)
    print(
        f"{len(loaded.graph.followers):,} followers loaded in {time.monotonic() - started:.1f} s", flush=True
    )
    environment = stage.backend.settings(url, slot=SLOT)
    settings = Settings.model_validate(
        {name.removeprefix("TWOOTER_").lower(): value for name, value in environment.items()}
        | {"log_level": "error", "env": "laptop"}
    )
    configure(settings)
    services = wire(settings)
    patient = Cache(environment["TWOOTER_CACHE_URL"], timeout_seconds=2)
    windows = HomeWindows(patient, patient, entries=ENTRIES, days=1)
    with redis.Redis.from_url(environment["TWOOTER_CACHE_URL"], socket_timeout=10) as client:
        here = replace(stage, database_url=url, loaded=loaded.loaded, settings=environment)
        crowd = Crowd(here, loaded, services, windows, client)
        cases: tuple[Callable[[Crowd], list[Line]], ...] = (reading, publishing_to, pushing, reaching, memory)
        lines = [line for case in cases for line in case(crowd)]
    services.ids.release()
    services.storage.close()
    return lines


def reading(crowd: Crowd) -> list[Line]:
    """Measure the first page of who follows most, from Redis and from the database."""
    stage, reader = crowd.stage, crowd.graph.busiest_reader()
    without = {name: value for name, value in stage.settings.items() if name != "TWOOTER_CACHE_URL"}
    lines = []
    for name, settings in (("warm", stage.settings), ("without Redis", without)):
        with servers.api(settings) as api:
            request = crowd.signed_in(api, reader)
            load.warm(api, request, seconds=1)
            measure = partial(load.measure, api, request, stage.roots(api=api), seconds=stage.plan.seconds)
            compared = compare(stage, {name: measure})[name]
        if name == "warm":
            lines += compared.lines("home timeline, warm", cpu_ms=0.9, share=0.28)
        else:
            p99_ms = load.median(compared.rounds, lambda r: r.p99_ms)
            lines += [Line("home timeline, without Redis", "p99", p99_ms, "ms", 50)]
            lines += compared.lines("home timeline, without Redis")[:1]
    return lines


def publishing_to(crowd: Crowd) -> list[Line]:
    """Measure twoots of accounts with a few followers, who read their home timelines, until all have it."""
    writers = crowd.graph.with_followers(FOLLOWERS, at_most=WRITERS)
    readers = {follower for writer in writers for follower in crowd.graph.followers_of(writer)}
    crowd.fill(sorted(readers.union(writers)))
    stage = replace(crowd.stage, loaded=replace(crowd.stage.loaded, account_ids=tuple(writers)))
    with (
        servers.api(stage.settings) as api,
        publishing.background(stage) as running,
        TemporaryDirectory() as at,
    ):
        request = publishing.load_of(stage, api, Path(at))
        settle = partial(servers.await_empty, stage.database_url)
        load.warm(api, request, seconds=1)
        settle()

        def publish() -> Round:
            roots = stage.roots(api=api, **running)
            return load.measure(api, request, roots, seconds=stage.plan.seconds, settle=settle)

        compared = compare(stage, {"publish": publish})["publish"]
    return compared.lines(f"publish to {FOLLOWERS} followers, all aggregates", cpu_ms=4.0)[:1]


def pushing(crowd: Crowd) -> list[Line]:
    """Measure how many timelines one worker process writes to per second, followers read from the database."""
    actor = crowd.graph.with_followers(REACHED, at_most=1)[0]
    followers = crowd.graph.followers_of(actor)
    crowd.fill(followers)
    services = crowd.services
    popular = Popular(services.storage, services.ids, least_followers=services.settings.popular_followers)
    fanout = Fanout(services.storage, popular, crowd.windows)
    rates = []
    for _ in range(5):
        event = ActionEvent(actor, int(Kind.RETWOOT), 1, 1, 1, True, services.ids.make(), "public")
        started = time.perf_counter()
        fanout.handle([Envelope(event, 0, None)])
        rates.append(len(followers) / (time.perf_counter() - started))
    detail = {"followers": len(followers), "rates": [round(rate) for rate in rates]}
    rate = statistics.median(rates)
    return [Line("fan-out, one worker", "deliveries", rate, "/s", 40_000, at_most=False, detail=detail)]


def reaching(crowd: Crowd) -> list[Line]:
    """Measure how soon a twoot is in the home timelines of all followers, at a steady rate."""
    stage = crowd.stage
    actor = crowd.graph.with_followers(REACHED, at_most=1)[0]
    followers = crowd.graph.followers_of(actor)
    crowd.fill([*followers, actor])
    writer = members.sign_in(stage.database_url, [actor])[0]
    keys = [f"home:{follower}" for follower in followers]
    delays = []
    with servers.api(stage.settings) as api, publishing.background(stage):
        servers.await_empty(stage.database_url)
        for number in range(max(20, stage.plan.probes // 2)):
            due = time.perf_counter() + 1 / PER_SECOND
            members.call(f"{api.url}/v1/twoots", writer, {"text": f"Number {number}"})
            answered = time.perf_counter()
            newest = crowd.redis.zrange(f"home:{actor}", 0, 0)
            _await_everywhere(crowd.redis, keys, newest)
            delays.append((time.perf_counter() - answered) * 1000)
            time.sleep(max(0.0, due - time.perf_counter()))
    p99 = statistics.quantiles(delays, n=100)[98]
    detail = {
        "followers": len(keys),
        "p50_ms": round(statistics.median(delays)),
        "max_ms": round(max(delays)),
    }
    return [Line("a twoot in all its followers' homes", "p99", p99, "ms", 1000, detail=detail)]


def _await_everywhere(client: Any, keys: Sequence[str], newest: Sequence[bytes]) -> None:
    """Return when every timeline begins with a row; those that are pushed to last are asked first."""
    waiting, until = list(keys), time.perf_counter() + _PATIENCE_SECONDS
    while waiting:
        if time.perf_counter() > until:
            raise TimeoutError(f"{len(waiting)} timelines did not get the row")
        part = waiting[-200:]
        pipe = client.pipeline(transaction=False)
        for key in part:
            pipe.zrange(key, 0, 0)
        missing = [key for key, found in zip(part, pipe.execute(), strict=True) if found != newest]
        waiting[-len(part) :] = missing
        if missing:
            time.sleep(0.01)


def memory(crowd: Crowd) -> list[Line]:
    """Measure what an entry takes."""
    keys = list(crowd.redis.scan_iter("home:*", count=1000))[:200]
    sizes = [crowd.redis.memory_usage(key, samples=0) / crowd.redis.zcard(key) for key in keys]
    return [Line("home timelines in Redis", "bytes per entry", statistics.median(sizes), "bytes", 24)]
