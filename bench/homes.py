"""Home timelines on the large graph: read with and without Redis, written to followers, and what an entry takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench import crowd, load, members, publishing, reach, report, servers
from bench.crowd import ENTRIES, Crowd
from bench.load import Request, Round
from bench.report import Line
from bench.stage import Stage, compare
from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, Envelope
from twooter.services.fanout import Fanout
from twooter.services.popular import Popular

SCRIPT = Path(__file__).with_name("tokens.lua")
WRITERS, FOLLOWERS = 16, 25
FOLLOWED, READERS = 28, 500
"""Whom the one reader follows, as many as those do who stand behind a follow drawn by chance; and many readers."""
MAX_BYTES = 24
_MEASURED = 200
"""Timelines whose memory is asked for one by one."""


def run(stage: Stage) -> list[Line]:
    """Measure everything on one graph."""
    cases: tuple[Callable[[Crowd], list[Line]], ...] = (
        reading,
        publishing_to,
        pushing,
        reach.everyone,
        reach.others,
        memory,
    )
    lines = []
    with crowd.gathered(stage) as found:
        for case in cases:
            began = time.monotonic()
            lines += (measured := case(found))
            print(
                f"{report.table(measured)}\n  ({case.__name__}: {time.monotonic() - began:.0f} s)", flush=True
            )
    return lines


def reading(crowd: Crowd) -> list[Line]:
    """Measure the first page, of one reader and of many in turn, from Redis and from the database."""
    stage = crowd.stage
    without = {name: value for name, value in stage.settings.items() if name != "TWOOTER_CACHE_URL"}
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for where, settings in (("warm", stage.settings), ("without Redis", without)):
            api = stack.enter_context(servers.api(settings))
            for whose, request in _requests(crowd, f"{api.url}/v1/timelines/home", folder).items():
                load.warm(api, request, seconds=2)
                roots = stage.roots(api=api)
                measure = partial(load.measure, api, request, roots, seconds=stage.plan.seconds)
                case = f"home timeline, {where}{whose}"
                found[case] = compare(stage, {case: measure})[case]
    one, many, one_without, many_without = found
    lines = found[one].lines(one, cpu_ms=0.9, share=0.28) + found[many].lines(many)
    for case in (one_without, many_without):
        p99_ms = load.median(found[case].rounds, lambda r: r.p99_ms)
        lines += [Line(case, "p99", p99_ms, "ms", 50), *found[case].lines(case)]
    return lines


def _requests(crowd: Crowd, url: str, folder: Path) -> dict[str, Request]:
    """Return requests of one reader and of many; these follow as many as people do who follow somebody."""
    graph, random = crowd.graph, Random(1)
    one = graph.following(FOLLOWED, at_most=1)
    many = {graph.account_ids[random.choice(graph.graph.followers)] for _ in range(READERS)}
    signed_in = members.sign_in(crowd.stage.database_url, [*one, *sorted(many.difference(one))])
    tokens = folder / "tokens"
    tokens.write_text("".join(f"{member.token}\n" for member in signed_in))
    return {
        "": Request(url, signed_in[0].headers),
        f", {len(signed_in)} readers in turn": Request(url, {}, SCRIPT, (str(tokens),)),
    }


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
    actor = crowd.graph.with_followers(reach.wide_followers(crowd), at_most=1)[0]
    followers = crowd.graph.followers_of(actor)
    crowd.fill(followers)
    services = crowd.services
    popular = Popular(services.storage, services.ids, least_followers=crowd.popular_followers)
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


def memory(crowd: Crowd) -> list[Line]:
    """Measure what an entry takes: full timelines that were pushed to, and all that Redis holds for them."""
    keys = list(crowd.redis.scan_iter("home:*", count=1000))
    sizes = [(crowd.redis.memory_usage(key, samples=0), crowd.redis.zcard(key)) for key in keys[:_MEASURED]]
    full = [size / length for size, length in sizes if length >= ENTRIES]
    crowd.fill([1])
    before = crowd.redis.info("memory")["used_memory"]
    crowd.fill(range(1, 1_001))
    grown = (crowd.redis.info("memory")["used_memory"] - before) / 999 / ENTRIES
    detail = {
        "timelines": len(full),
        "entries_median": statistics.median(length for _, length in sizes),
        "encoding": crowd.redis.object("encoding", keys[0]).decode(),
        "used_memory_per_entry": round(grown, 1),
    }
    return [
        Line(
            "home timelines in Redis",
            "bytes per entry",
            statistics.median(full),
            "bytes",
            MAX_BYTES,
            detail=detail,
        )
    ]
