"""Counters: shared through Redis while it answers, else counted in the process, in bounded memory."""

import pytest

from tests.processes import Server, wait_until
from twooter.storage import counters as module
from twooter.storage.cache import Cache
from twooter.storage.counters import Counters


class Clock:
    """Takes the place of the time module."""

    now = 1000.0

    def time(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the process's own counters go by."""
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_window_begins_with_its_first_count_and_ends_for_good(clock: Clock) -> None:
    counters = Counters(None)
    assert [counters.count("k", 60) for _ in range(3)] == [1, 2, 3]
    clock.now += 59
    assert (counters.count("k", 60), counters.seconds_left("k", 60)) == (4, 1)
    clock.now += 1
    assert (counters.count("k", 60), counters.seconds_left("k", 60)) == (1, 60)
    assert counters.count("other", 60) == 1


def test_several_may_be_counted_at_once_and_none_is_a_look(clock: Clock) -> None:
    counters = Counters(None)
    assert [counters.count("k", 60, by=by) for by in (5, 0, 2)] == [5, 5, 7]


def test_memory_is_bounded_and_keeps_what_ends_last(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_KEYS", 100)
    counters = Counters(None)
    counters.count("long", 3600)
    for number in range(1000):
        clock.now += 0.01
        counters.count(str(number), 60)
        assert len(counters._counts) <= 100
    assert counters.count("long", 3600) == 2
    assert counters.count("999", 60) == 2


def test_processes_share_what_they_count_in_redis(redis_url: str) -> None:
    one, other = (Counters(Cache(redis_url, timeout_seconds=1)) for _ in range(2))
    assert [one.count("k", 60), other.count("k", 60), one.count("k", 60)] == [1, 2, 3]
    assert 50 < other.seconds_left("k", 60) <= 60


def test_without_redis_a_process_goes_on_alone_and_with_it_again(private_redis: Server) -> None:
    counters = Counters(Cache(private_redis.url, timeout_seconds=1))
    assert counters.count("k", 60) == 1
    private_redis.kill()
    assert [counters.count("k", 60) for _ in range(3)] == [1, 2, 3]
    assert 50 < counters.seconds_left("k", 60) <= 60
    private_redis.restart()
    with_redis = Counters(Cache(private_redis.url, timeout_seconds=1))

    def is_shared() -> bool:
        counted = counters.count("back", 60)
        return with_redis.count("back", 60, by=0) == counted

    wait_until(is_shared, seconds=10, what="counts in Redis")
