"""Home timelines in a real Redis: compact, without holes, one round trip a page; and a Redis that is away."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.processes import Server, wait_until
from twooter.domain.pages import Page
from twooter.errors import Unavailable
from twooter.storage import cache as cache_module
from twooter.storage.cache import Cache
from twooter.storage.homes import KEYS_AT_ONCE, Entry, HomeWindows, Missing

ADA, BEN = 3_500_000_000_000_000_001, 3_500_000_000_000_000_002
NEWEST = 3_600_000_000_000_000_000
KEPT = 400


def rows(count: int, *, actor_id: int = BEN, newest: int = NEWEST) -> list[Entry]:
    """Return rows, newest first; every third a retwoot."""
    return [Entry(newest - 4096 * n, actor_id, n % 3 == 0) for n in range(count)]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Return a client to look behind the timelines' back."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as made:
        yield made


def opened(url: str, *, timeout_seconds: float = 1.0) -> HomeWindows:
    """Return the timelines in a Redis."""
    readers, workers = (Cache(url, timeout_seconds=timeout_seconds) for _ in range(2))
    return HomeWindows(readers, workers, entries=KEPT, days=14)


@pytest.fixture
def windows(redis_url: str) -> HomeWindows:
    """Return the timelines in an empty Redis."""
    return opened(redis_url)


def build(windows: HomeWindows, entries: list[Entry], *, whole: bool, account_id: int = ADA) -> None:
    mark = windows.begin(account_id)
    assert mark is not None
    windows.finish(account_id, mark, entries, whole=whole)


def calls(client: redis.Redis) -> int:
    """Return how often scripts were run."""
    stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


def test_an_entry_takes_no_more_than_24_bytes(windows: HomeWindows, client: redis.Redis) -> None:
    build(windows, rows(KEPT), whole=False)
    for newer in rows(200, newest=NEWEST + 4096 * 1000)[::-1]:
        windows.push({ADA: [newer]})
        size: Any = client.zcard(f"home:{ADA}")
        used: Any = client.memory_usage(f"home:{ADA}", samples=0)
        assert KEPT <= size <= KEPT + 10
        assert used / size <= 24


def test_a_page_comes_in_one_round_trip_however_long(windows: HomeWindows, client: redis.Redis) -> None:
    build(windows, rows(KEPT), whole=False)
    windows.read(ADA, Page(1))  # by now Redis knows the script
    trips = []
    for limit in (1, 20, 100):
        before = calls(client)
        assert windows.read(ADA, Page(limit)) == rows(limit + 1)
        trips.append(calls(client) - before)
    assert trips == [1, 1, 1]


def test_500_timelines_are_pushed_to_in_one_round_trip(windows: HomeWindows, client: redis.Redis) -> None:
    accounts = [ADA + n for n in range(2 * KEYS_AT_ONCE)]
    for account_id in accounts[:3]:
        build(windows, [], whole=True, account_id=account_id)
    windows.push({accounts[0]: rows(1)})
    before = calls(client)
    newer = rows(2, newest=NEWEST + 10**6)
    assert windows.push(dict.fromkeys(accounts, newer)).kept == 3
    assert calls(client) == before + 2
    assert windows.read(accounts[0], Page()) == [*newer, *rows(1)]
    assert client.dbsize() == 3  # who does not read is not written to


def test_pages_are_those_of_the_rows_in_both_directions(windows: HomeWindows) -> None:
    kept = rows(50)
    build(windows, kept, whole=True)
    for limit in (1, 7, 60):
        assert windows.read(ADA, Page(limit)) == kept[: limit + 1]
        for at, entry in enumerate(kept):
            assert windows.read(ADA, Page(limit, before=entry.id)) == kept[at + 1 :][: limit + 1]
            newer = kept[:at][::-1]
            assert windows.read(ADA, Page(limit, after=entry.id)) == newer[: limit + 1]


def test_what_is_older_than_the_last_row_is_elsewhere(windows: HomeWindows) -> None:
    kept = rows(50)
    build(windows, kept, whole=False)
    assert windows.read(ADA, Page(10, before=kept[38].id)) == kept[39:]
    assert windows.read(ADA, Page(10, before=kept[39].id)) is Missing.ELSEWHERE
    assert windows.read(ADA, Page(10, after=kept[-1].id)) == kept[:-1][::-1][:11]
    assert windows.read(ADA, Page(10, after=kept[-1].id - 1)) is Missing.ELSEWHERE


def test_nothing_is_added_below_the_last_row(windows: HomeWindows) -> None:
    kept = rows(50)
    build(windows, kept, whole=False)
    older = Entry(kept[-1].id - 1, BEN, is_retwoot=False)
    windows.push({ADA: [older]})
    windows.merge(ADA, [older], whole=True)
    assert windows.read(ADA, Page(10, before=kept[38].id)) == kept[39:]


def test_removing_takes_what_one_did_and_nothing_else(windows: HomeWindows) -> None:
    bens, others = rows(30), rows(30, actor_id=ADA, newest=NEWEST + 1)
    build(windows, sorted([*bens, *others], reverse=True), whole=True)
    windows.remove(ADA, BEN)
    assert windows.read(ADA, Page(100)) == others
    windows.remove(ADA, ADA)
    assert windows.read(ADA, Page(100)) == []  # still known to be empty


def test_a_mark_of_somebody_else_finishes_nothing(windows: HomeWindows, client: redis.Redis) -> None:
    first = windows.begin(ADA)
    assert first is not None
    client.delete(f"home:{ADA}")
    second = windows.begin(ADA)
    assert second is not None
    windows.finish(ADA, first, rows(3), whole=True)
    assert windows.read(ADA, Page()) is Missing.ELSEWHERE
    windows.finish(ADA, second, rows(5), whole=True)
    assert windows.read(ADA, Page()) == rows(5)


def test_what_is_pushed_while_a_timeline_is_built_stays(windows: HomeWindows) -> None:
    mark = windows.begin(ADA)
    assert mark is not None
    newer = rows(1, newest=NEWEST + 10**6)
    assert windows.push({ADA: newer}).kept == 1
    windows.finish(ADA, mark, rows(30), whole=False)
    assert windows.read(ADA, Page(29)) == [*newer, *rows(29)]


def test_a_redis_that_has_forgotten_the_scripts_is_told_them_again(
    windows: HomeWindows, client: redis.Redis
) -> None:
    build(windows, rows(3), whole=True)
    client.script_flush()
    assert windows.read(ADA, Page()) == rows(3)
    assert windows.push({ADA: rows(1, newest=NEWEST + 10**6)}).kept == 1


def test_of_a_redis_that_is_away_readers_hear_nothing_and_workers_an_error(
    private_redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "BREAK_SECONDS", 0.0)
    windows = opened(private_redis.url, timeout_seconds=0.2)
    wait_until(lambda: windows.read(BEN, Page()) is Missing.ABSENT, seconds=10, what="the first answer")
    build(windows, rows(3), whole=True)
    for away, back in (
        (private_redis.freeze, private_redis.thaw),
        (private_redis.kill, private_redis.restart),
    ):
        away()
        assert windows.read(ADA, Page()) is Missing.ELSEWHERE
        assert windows.begin(ADA) is None
        windows.add_own(rows(1)[0])
        for work in (
            lambda: windows.push({ADA: rows(1)}),
            lambda: windows.merge(ADA, rows(1), whole=True),
            lambda: windows.remove(ADA, BEN),
        ):
            with pytest.raises(Unavailable):
                work()
        back()
        wait_until(lambda: windows.read(BEN, Page()) is Missing.ABSENT, seconds=10, what="an answer")
    assert windows.read(ADA, Page()) is Missing.ABSENT  # it was emptied
