"""How soon twoots are in home timelines: those of an account that many follow, and others' beside the largest's."""

from __future__ import annotations

import queue
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from bench import members, publishing, servers
from bench.arrivals import percentile
from bench.crowd import Crowd
from bench.members import Member
from bench.report import Line
from tests.processes import Server

WIDE_PART = 20
"""The account that many follow has one in so many for followers: 5,000 of 100,000."""
PER_SECOND, OTHERS_PER_SECOND, LARGEST_PER_SECOND = 5.0, 20.0, 1.0
WRITERS, FOLLOWERS = 16, 25
MAX_MS, MAX_RATIO = 1000, 1.2
_PATIENCE_SECONDS = 60
_KEYS_AT_ONCE = 500
_PAUSE_SECONDS = 0.005
_MISSING = """
local missing = 0
for _, key in ipairs(KEYS) do
  if not redis.call('ZSCORE', key, ARGV[1]) then missing = missing + 1 end
end
return missing
"""


@dataclass(frozen=True, slots=True)
class Published:
    """A twoot as its row in home timelines, whose it is, and when it was due."""

    row: bytes
    author_id: int
    due: float


def wide_followers(crowd: Crowd) -> int:
    """Return how many followers the account has that many follow."""
    return len(crowd.graph.account_ids) // WIDE_PART


def everyone(crowd: Crowd) -> list[Line]:
    """Measure how soon a twoot is in the home timelines of all followers, from when it was due, at a steady rate."""
    wide = crowd.graph.with_followers(wide_followers(crowd), at_most=1)
    readers = {wide[0]: crowd.graph.followers_of(wide[0])}
    crowd.fill([*readers[wide[0]], *wide])
    count = max(20, crowd.stage.plan.probes // 2)
    with servers.api(crowd.stage.settings) as api, publishing.background(crowd.stage):
        delays = _delays(
            crowd, api, members.sign_in(crowd.stage.database_url, wide), readers, PER_SECOND, count
        )
    detail = _detail(delays) | {"followers": len(readers[wide[0]]), "per_second": PER_SECOND}
    p99 = percentile(delays, 99)
    return [Line("a twoot in all its followers' homes", "p99", p99, "ms", MAX_MS, detail=detail)]


def others(crowd: Crowd) -> list[Line]:
    """Measure how soon others' twoots are there: alone, beside the largest account, beside the largest pushed one."""
    graph = crowd.graph
    writers = members.sign_in(crowd.stage.database_url, graph.with_followers(FOLLOWERS, at_most=WRITERS))
    readers = {writer.account_id: graph.followers_of(writer.account_id) for writer in writers}
    largest = graph.with_followers(len(graph.account_ids), at_most=1)[0]
    pushed = graph.with_followers(crowd.popular_followers, at_most=1)[0]
    noisy = dict(
        zip((largest, pushed), members.sign_in(crowd.stage.database_url, [largest, pushed]), strict=True)
    )
    for account_id in noisy:
        crowd.fill([*graph.followers_of(account_id), account_id])
    crowd.fill(sorted({reader for some in readers.values() for reader in some}.union(readers)))
    found: dict[int | None, list[float]] = {None: [], largest: [], pushed: []}
    count = max(20, crowd.stage.plan.probes)
    with servers.api(crowd.stage.settings) as api, publishing.background(crowd.stage):
        for _ in range(crowd.stage.plan.rounds):
            for who in found:
                with ExitStack() as stack:
                    if who is not None:
                        stack.enter_context(_noise(api, noisy[who]))
                    found[who] += _delays(crowd, api, writers, readers, OTHERS_PER_SECOND, count)
                servers.await_empty(crowd.stage.database_url)
    return list(_beside(crowd, found, {largest: "the largest", pushed: "the largest pushed one"}))


def _beside(
    crowd: Crowd, found: Mapping[int | None, list[float]], names: Mapping[int, str]
) -> Iterator[Line]:
    alone = percentile(found[None], 99)
    yield Line("others' twoots in homes, alone", "p99", alone, "ms", detail=_detail(found[None]))
    for account_id, name in names.items():
        delays = found[account_id]
        detail = _detail(delays) | {"followers": len(crowd.graph.followers_of(account_id))}
        case = f"others' twoots in homes beside {name}"
        yield Line(case, "p99", percentile(delays, 99), "ms", detail=detail)
        target = MAX_RATIO if name == "the largest" else None
        yield Line(case, "p99 ratio", percentile(delays, 99) / alone, "", target)


def _detail(delays: Sequence[float]) -> dict[str, object]:
    return {"twoots": len(delays), "p50_ms": round(statistics.median(delays)), "max_ms": round(max(delays))}


def _delays(
    crowd: Crowd,
    api: Server,
    writers: Sequence[Member],
    readers: Mapping[int, Sequence[int]],
    per_second: float,
    count: int,
) -> list[float]:
    """Publish so many twoots, each when it is due; return in what time each was in all its followers' timelines."""
    servers.await_empty(crowd.stage.database_url)
    missing = crowd.redis.register_script(_MISSING)
    delays = []
    told: queue.Queue[Published | None] = queue.Queue()

    def publish() -> None:
        for due, writer in _paced(writers, per_second, count):
            members.call(f"{api.url}/v1/twoots", writer, {"text": f"Said by {writer.account_id} at {due}"})
            (row,) = crowd.redis.zrange(f"home:{writer.account_id}", 0, 0)  # its own has it at once
            told.put(Published(row, writer.account_id, due))

    with ThreadPoolExecutor(1) as pool:
        publishing_all = pool.submit(publish)
        publishing_all.add_done_callback(lambda _: told.put(None))
        for _ in range(count):
            if (one := told.get(timeout=_PATIENCE_SECONDS)) is None:
                break  # it failed
            _await_everywhere(missing, [f"home:{reader}" for reader in readers[one.author_id]], one.row)
            delays.append((time.perf_counter() - one.due) * 1000)
        publishing_all.result()
    return delays


def _paced(writers: Sequence[Member], per_second: float, count: int) -> Iterator[tuple[float, Member]]:
    """Yield when each twoot is due, and whose it is, at that time or, when the one before took long, later."""
    began = time.perf_counter()
    for number, writer in zip(range(count), cycle(writers), strict=False):
        due = began + number / per_second
        time.sleep(max(0.0, due - time.perf_counter()))
        yield due, writer


def _await_everywhere(missing: Any, keys: Sequence[str], row: bytes) -> None:
    """Return when every timeline has a row; those that are pushed to last are asked first."""
    waiting, until = list(keys), time.perf_counter() + _PATIENCE_SECONDS
    while waiting:
        if not missing(keys=waiting[-_KEYS_AT_ONCE:], args=[row]):
            del waiting[-_KEYS_AT_ONCE:]
        elif time.perf_counter() > until:
            raise TimeoutError(f"{len(waiting)} timelines did not get the row")
        else:
            time.sleep(_PAUSE_SECONDS)


@contextmanager
def _noise(api: Server, writer: Member) -> Iterator[None]:
    """Let somebody write at a steady rate meanwhile."""
    done = threading.Event()

    def publish() -> None:
        while not done.wait(1 / LARGEST_PER_SECOND):
            members.call(f"{api.url}/v1/twoots", writer, {"text": f"To all of you, at {time.time_ns()}"})

    with ThreadPoolExecutor(1) as pool:
        publishing_on = pool.submit(publish)
        try:
            yield
        finally:
            done.set()
        publishing_on.result()
