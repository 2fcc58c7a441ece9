"""Logs of live updates: the same in Redis and in memory."""

import threading

import pytest

from tests.processes import Server, wait_until
from twooter.domain.streams import BEGIN, TWOOT, News, Pointer
from twooter.metrics import STREAM_LOG_REACHABLE
from twooter.storage.memory_streams import MemoryLogs
from twooter.storage.streams import Logs, RedisLogs

ENTRIES = 10
FIRST, SECOND = Pointer(TWOOT, (1, 2)), Pointer(TWOOT, (2**62, 3))


@pytest.fixture(params=["redis", "memory"])
def logs(request: pytest.FixtureRequest) -> Logs:
    """Return empty logs of either kind."""
    if request.param == "memory":
        return MemoryLogs(entries=ENTRIES)
    return RedisLogs(request.getfixturevalue("redis_url"), entries=ENTRIES)


def test_only_logs_that_are_open_are_written_to(logs: Logs) -> None:
    assert logs.open(["public"]).begun == {"public"}
    assert logs.open(["public", "home:1"]).begun == {"home:1"}
    assert logs.append([("public", FIRST), ("home:2", FIRST), ("home:1", SECOND)]) == 2
    assert logs.read("home:2", 0) == (None, [])
    first, found = logs.read("home:1", 0)
    assert first is not None
    assert [news.pointer for news in found] == [Pointer(BEGIN), SECOND]
    assert [news.position for news in found] == sorted(news.position for news in found)


def test_a_log_is_read_from_a_time_on(logs: Logs) -> None:
    opened = logs.open(["public"])
    logs.append([("public", FIRST)])
    last = logs.read("public", opened.at.ms)[1][-1]
    assert last.pointer == FIRST
    assert logs.read("public", last.position.ms + 1)[1] == []


def test_a_log_is_bounded(logs: Logs) -> None:
    logs.open(["public"])
    for _ in range(30):
        logs.append([("public", FIRST)] * 20)
    first, found = logs.read("public", 0)
    assert first is not None
    assert first.pointer == FIRST
    assert ENTRIES <= len(found) < 200  # Redis lets go of whole nodes of a hundred


def test_who_listens_is_told_of_everything_in_its_order(logs: Logs) -> None:
    told: list[News] = []
    connected, stopping = threading.Event(), threading.Event()
    thread = threading.Thread(target=logs.listen, args=(stopping, told.append, connected.set))
    thread.start()
    try:
        assert connected.wait(10)
        logs.open(["public", "tag:a/b c"])
        logs.append([("public", FIRST), ("tag:a/b c", SECOND)])
        wait_until(lambda: len(told) == 2, seconds=10, what="the news")
    finally:
        stopping.set()
        thread.join(10)
    assert [(news.log, news.pointer) for news in told] == [("public", FIRST), ("tag:a/b c", SECOND)]
    assert told[0] == logs.read("public", 0)[1][-1]


def test_what_is_kept_is_taken_once(logs: Logs) -> None:
    logs.keep("a", b"1 2", 30)
    assert [logs.take("a"), logs.take("a"), logs.take("b")] == [b"1 2", None, None]


def test_a_log_that_cannot_be_heard_is_told_until_it_can(private_redis: Server) -> None:
    logs = RedisLogs(private_redis.url, entries=ENTRIES)
    stopping, connected = threading.Event(), threading.Semaphore(0)
    arguments = (stopping, lambda _: None, connected.release)
    thread = threading.Thread(target=logs.listen, args=arguments)
    thread.start()
    try:
        assert connected.acquire(timeout=10)
        assert STREAM_LOG_REACHABLE._value.get() == 1
        private_redis.kill()
        wait_until(lambda: STREAM_LOG_REACHABLE._value.get() == 0, seconds=20, what="word of the loss")
        private_redis.restart()
        assert connected.acquire(timeout=20), "who listens is told that something may have been missed"
        assert STREAM_LOG_REACHABLE._value.get() == 1
    finally:
        stopping.set()
        thread.join(10)
