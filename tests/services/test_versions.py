"""Versions of pages: moved before a change is answered, and waited out when that cannot be."""

from collections.abc import Callable

import pytest

from tests.processes import Server, wait_until
from twooter.domain.grammar import Hashtag
from twooter.services.versions import PAGE_SECONDS, PUBLIC, Versions, of_author, of_hashtag
from twooter.storage.cache import Cache

ADA, TEA, RAIN = 7, Hashtag("tea", "Tea"), Hashtag("rain", "rain")
PAGES = [PUBLIC, of_author(ADA), of_hashtag("tea"), of_hashtag("rain")]


class Sleeps(list[float]):
    """Remembers how long somebody would have slept."""

    def __call__(self, seconds: float) -> None:
        """Note it."""
        self.append(seconds)


@pytest.fixture
def slept() -> Sleeps:
    """Return what stands for sleeping."""
    return Sleeps()


@pytest.fixture
def versions(redis_url: str, slept: Sleeps) -> Versions:
    """Return versions in a Redis that is there."""
    return Versions(Cache(redis_url, timeout_seconds=1), sleep=slept)


def settled(versions: Versions, names: list[str]) -> Callable[[], list[bytes]]:
    """Return what reads the versions of pages, each of which has one."""
    for name in names:
        versions.find(name)

    def read() -> list[bytes]:
        found = [versions.find(name) for name in names]
        assert None not in found
        return [version for version in found if version is not None]

    return read


def test_a_version_is_there_from_the_second_question_on(versions: Versions) -> None:
    assert versions.find(PUBLIC) is None
    first = versions.find(PUBLIC)
    assert first is not None
    assert versions.find(PUBLIC) == first


def test_a_change_moves_the_pages_that_show_it_and_no_others(versions: Versions, slept: Sleeps) -> None:
    read, others = settled(versions, PAGES), settled(versions, [of_author(8), of_hashtag("sun")])
    before, others_before = read(), others()
    versions.move(ADA, [TEA, RAIN])
    after = read()
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert others() == others_before
    versions.move(ADA, [TEA])
    assert [new != old for new, old in zip(read(), after, strict=True)] == [True, True, True, False]
    assert slept == []


def test_two_processes_share_versions(versions: Versions, redis_url: str) -> None:
    other = Versions(Cache(redis_url, timeout_seconds=1))
    read = settled(versions, PAGES)
    before = read()
    assert settled(other, PAGES)() == before
    other.move(ADA, [TEA, RAIN])
    assert read() == settled(other, PAGES)() != before


def test_a_version_that_cannot_be_moved_makes_who_takes_away_wait(
    private_redis: Server, slept: Sleeps
) -> None:
    versions = Versions(Cache(private_redis.url, timeout_seconds=0.05), sleep=slept)
    versions.move(ADA, [TEA])
    assert slept == []
    private_redis.freeze()
    versions.move(ADA, [TEA])
    assert slept == [PAGE_SECONDS]
    versions.move(ADA, [TEA])  # while the breaker is open, nothing is asked: it waits all the same
    assert slept == [PAGE_SECONDS] * 2
    private_redis.thaw()


def test_who_only_adds_does_not_wait(private_redis: Server, slept: Sleeps) -> None:
    versions = Versions(Cache(private_redis.url, timeout_seconds=0.05), sleep=slept)
    private_redis.kill()
    versions.move(ADA, [TEA], adds_only=True)
    assert slept == []


def test_nothing_may_be_cached_while_redis_is_away_and_again_when_it_is_back(private_redis: Server) -> None:
    versions = Versions(Cache(private_redis.url, timeout_seconds=0.05))
    read = settled(versions, [PUBLIC])
    before = read()
    private_redis.kill()
    assert versions.find(PUBLIC) is None
    private_redis.restart()
    wait_until(lambda: versions.find(PUBLIC) is not None, seconds=10, what="a version")
    assert read() != before


def test_an_emptied_redis_makes_every_page_a_new_one(versions: Versions, redis_url: str) -> None:
    read = settled(versions, PAGES)
    before = read()
    Cache(redis_url, timeout_seconds=1)._ask([("FLUSHALL",)])
    assert not set(settled(versions, PAGES)()) & set(before)


def test_whoever_hides_an_account_waits_for_the_pages_of_its_hashtags(
    versions: Versions, slept: Sleeps
) -> None:
    read = settled(versions, PAGES[:2])
    before = read()
    versions.move_all(ADA)
    assert all(new != old for new, old in zip(read(), before, strict=True))
    assert slept == [PAGE_SECONDS]


def test_without_a_cache_nothing_is_kept_and_nobody_waits(slept: Sleeps) -> None:
    versions = Versions(None, sleep=slept)
    versions.move(ADA, [TEA])
    versions.move_all(ADA)
    assert versions.find(PUBLIC) is None
    assert slept == []


def test_what_is_of_an_account_alone_moves_its_own_page_alone(versions: Versions, slept: Sleeps) -> None:
    read, others = settled(versions, [of_author(ADA)]), settled(versions, [PUBLIC, of_author(8)])
    before, others_before = read(), others()
    versions.move_author(ADA)
    assert read() != before
    assert others() == others_before
    assert slept == []
