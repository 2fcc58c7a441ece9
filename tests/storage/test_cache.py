"""The cache on a real Redis: whatever happens to it, an answer is right or missing, and soon."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import redis

from tests.crowds import at_once
from tests.processes import Server, free_port, wait_until
from twooter.metrics import CACHE
from twooter.settings import Settings
from twooter.storage import cache as module
from twooter.storage.cache import Cache, Call, Script


@pytest.fixture
def cache(redis_url: str) -> Cache:
    """Return a cache that is there, and is given time."""
    return Cache(redis_url, timeout_seconds=1)


@pytest.fixture
def fragile(private_redis: Server) -> Cache:
    """Return a cache whose Redis is this test's own, with the timeout of production."""
    return Cache(private_redis.url, timeout_seconds=0.05)


@pytest.fixture
def unbroken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a cache be asked again at once after a failure."""
    monkeypatch.setattr(module, "BREAK_SECONDS", 0.0)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Return a client to look behind the cache's back."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as made:
        yield made


def errors() -> float:
    """Return how many calls have failed so far."""
    return float(CACHE.labels("redis", "error")._value.get())


def test_what_was_set_is_got(cache: Cache) -> None:
    value = bytes(range(256))
    assert cache.get("k") is None
    assert cache.set_many({"k": value, "l": b"", "ключ": b"x"})
    assert (cache.get("k"), cache.get("l"), cache.get("ключ")) == (value, b"", b"x")


def test_a_script_goes_along_with_what_is_set_also_where_redis_does_not_know_it(
    cache: Cache, client: redis.Redis
) -> None:
    then = Call(Script("return redis.call('RPUSH', KEYS[1], ARGV[1])"), [b"list"], [b"x"])
    client.script_flush()
    assert [cache.set_many({"k": value}, then=then) for value in (b"1", b"2")] == [True, True]
    assert (cache.get("k"), client.lrange("list", 0, -1)) == (b"2", [b"x", b"x"])


def test_a_value_is_added_only_where_there_is_none(cache: Cache) -> None:
    cache.add("k", b"first")
    cache.add("k", b"second")
    assert cache.get("k") == b"first"


def test_everything_ends_some_day(cache: Cache, client: redis.Redis) -> None:
    cache.add("added", b"x", seconds=100)
    cache.set_many({"set": b"x"}, seconds=100)
    cache.set_many({"long": b"x"})
    cache.count("counted", 100, 1)
    for key in ("added", "set", "counted"):
        assert 90 < client.ttl(key) <= 100
    assert 0 < client.ttl("long") <= 86_400
    left_ms = cache.left_ms("counted")
    assert left_ms is not None
    assert 90_000 < left_ms <= 100_000


def test_a_counter_keeps_the_window_of_its_first_count(cache: Cache, client: redis.Redis) -> None:
    assert [cache.count("k", 100, by) for by in (1, 2, 0, 5)] == [1, 3, 3, 8]
    client.expire("k", 50)
    assert cache.count("k", 100, 1) == 9
    assert client.ttl("k") <= 50


def test_counters_of_many_threads_lose_nothing(cache: Cache) -> None:
    found = at_once(None, [partial(cache.count, "k", 100, 1)] * 16)
    assert sorted(map(str, found)) == sorted(map(str, range(1, 17)))


def test_a_redis_that_is_not_there_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BREAK_SECONDS", 600.0)
    cache, before = Cache(f"redis://127.0.0.1:{free_port()}/0", timeout_seconds=0.05), errors()
    assert (cache.get("k"), cache.set_many({"k": b"x"}), cache.count("k", 1, 1), cache.left_ms("k")) == (
        None, False, None, None,
    )  # fmt: skip
    cache.add("k", b"x")
    assert errors() == before + 1  # the others were not even tried


def test_a_frozen_redis_costs_one_timeout_and_not_one_a_call(private_redis: Server, fragile: Cache) -> None:
    wait_until(lambda: fragile.set_many({"k": b"x"}), seconds=10, what="the first answer")
    private_redis.freeze()
    before, start = errors(), time.monotonic()
    assert [fragile.get("k") for _ in range(1000)] == [None] * 1000
    seconds = time.monotonic() - start
    private_redis.thaw()
    assert errors() - before <= 1 + seconds / module.BREAK_SECONDS
    assert seconds < 25  # a thousand timeouts would take 50


def test_a_redis_that_comes_back_is_used_again(private_redis: Server, fragile: Cache) -> None:
    wait_until(lambda: fragile.set_many({"k": b"x"}), seconds=10, what="the first answer")
    private_redis.freeze()
    assert fragile.get("k") is None
    private_redis.thaw()
    wait_until(lambda: fragile.get("k") == b"x", seconds=10, what="the thawed Redis")
    private_redis.restart()
    wait_until(lambda: fragile.set_many({"k": b"y"}), seconds=10, what="the restarted Redis")
    wait_until(lambda: fragile.get("k") == b"y", seconds=10, what="its answer")


def test_no_answer_ever_belongs_to_an_earlier_question(
    private_redis: Server, fragile: Cache, unbroken: None
) -> None:
    """A timeout leaves an answer on its way: what comes on that connection next would be the wrong one."""
    answers = {"a": b"answer a", "b": b"answer b"}
    wait_until(lambda: fragile.set_many(answers), seconds=10, what="the first answer")
    for _ in range(5):
        private_redis.freeze()
        assert fragile.get("a") is None
        assert fragile.count("c", 10, 1) is None
        private_redis.thaw()
        wait_until(lambda: fragile.get("b") is not None, seconds=10, what="an answer")
        assert fragile.get("b") in (b"answer b", None)  # none: a busy machine takes its time, too
        assert fragile.get("a") in (b"answer a", None)
        assert fragile.get("none") is None


def test_many_threads_get_their_own_answers_while_redis_stops_and_goes(
    private_redis: Server, fragile: Cache, unbroken: None
) -> None:
    values = {f"k{n}": f"v{n}".encode() for n in range(8)}
    wait_until(lambda: fragile.set_many(values), seconds=10, what="the first answer")
    answers: list[set[bytes | None]] = [set() for _ in range(8)]
    least, most = time.monotonic() + 1.5, time.monotonic() + 20

    def goes_on() -> bool:
        """Return whether there is more to see: everybody is to have met an answer and a silence."""
        now = time.monotonic()
        return now < least or (now < most and min(map(len, answers)) < 2)

    def ask(number: int) -> None:
        while goes_on():
            answers[number].add(fragile.get(f"k{number}"))

    def disturb() -> None:
        while goes_on():
            private_redis.freeze()
            time.sleep(0.07)
            private_redis.thaw()
            time.sleep(0.03)

    works: list[Callable[[], None]] = [*(partial(ask, number) for number in range(8)), disturb]
    assert not any(at_once(None, works))
    for number, found in enumerate(answers):
        assert found <= {f"v{number}".encode(), None}
    assert {None} < set.union(*answers)


def test_an_error_of_redis_is_a_miss_and_mixes_nothing_up(
    cache: Cache, client: redis.Redis, unbroken: None
) -> None:
    client.rpush("list", "x")
    cache.set_many({"text": b"no number", "k": b"x"})
    assert cache.get("list") is None
    assert cache.get("k") == b"x"
    assert cache.count("text", 10, 1) is None
    assert cache._ask([("INCRBY", "text", 1), ("GET", "text")]) is None
    assert cache.get("k") == b"x"


def test_a_redis_that_is_full_confirms_nothing(private_redis: Server, fragile: Cache, unbroken: None) -> None:
    with redis.Redis.from_url(private_redis.url, socket_timeout=5) as client:
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")
        assert fragile.set_many({"k": b"x"}) is False
        client.config_set("maxmemory", "0")
    wait_until(lambda: fragile.set_many({"k": b"x"}), seconds=10, what="room")


def test_without_an_url_there_is_no_cache() -> None:
    assert Cache.open(Settings.model_validate({})) is None
    assert Cache.open(Settings.model_validate({"cache_url": "redis://127.0.0.1:1/0"})) is not None
