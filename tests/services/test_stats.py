"""Message statistics: rendered once per year and version, never more than a second old."""

import threading
from datetime import UTC, datetime

import orjson
import pytest

from tests.events import count
from tests.outbox import drain
from twooter.services import stats as module
from twooter.services.house import Services
from twooter.services.stats import MessageStats
from twooter.storage import hashtags, stats
from twooter.storage.database import Session


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let versions be read at every call."""
    monkeypatch.setattr(module, "MAX_AGE_SECONDS", 0.0)


def at(year: int) -> int:
    return round(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)


def rendered(stats: MessageStats, first: int = 0, last: int = 3000) -> bytes:
    return stats.render(stats.edition(first, last))


def test_years_and_names_stand_in_order_and_what_is_not_used_is_left_out(services: Services) -> None:
    for year in (2019, 2001, 2005):
        count(services, at(year), "b", "a", times=2)
    count(services, at(2005), "gone")
    count(services, at(2005), "gone", sign=-1)
    count(services, at(2003), "a")
    count(services, at(2003), "a", sign=-1)
    drain(services)
    assert rendered(services.stats) == b'{"2001":{"a":2,"b":2},"2005":{"a":2,"b":2},"2019":{"a":2,"b":2}}'
    assert rendered(services.stats, 2002, 2005) == b'{"2005":{"a":2,"b":2}}'


def test_only_the_year_that_changed_is_read_again(
    services: Services, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def fetch(tx: Session, start_ms: int) -> list[tuple[int, int]]:
        read.append(start_ms)
        return real(tx, start_ms)

    real = stats.fetch_uses
    monkeypatch.setattr(stats, "fetch_uses", fetch)
    count(services, at(2001), "a")
    count(services, at(2002), "a")
    drain(services)
    before = services.stats.edition(0, 3000)
    assert orjson.loads(services.stats.render(before)) == {"2001": {"a": 1}, "2002": {"a": 1}}
    assert len(read) == 2
    count(services, at(2002), "a")
    drain(services)
    after = services.stats.edition(0, 3000)
    assert orjson.loads(services.stats.render(after)) == {"2001": {"a": 1}, "2002": {"a": 2}}
    assert len(read) == 3
    assert before.etag != after.etag
    assert services.stats.edition(0, 2001).etag == services.stats.edition(0, 2001).etag


def test_versions_are_read_once_a_second_however_many_ask(services: Services) -> None:
    asked: list[str] = []
    services.storage.observers.append(lambda name, _seconds, _failed: asked.append(name))
    for _ in range(20):
        services.stats.edition(0, 3000)
    assert asked.count("year_versions") == 1


def test_one_of_many_threads_renders(services: Services) -> None:
    count(services, at(2001), "a")
    drain(services)
    asked: list[str] = []
    services.storage.observers.append(lambda name, _seconds, _failed: asked.append(name))
    found: list[bytes] = []
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        found.append(rendered(services.stats))
        services.storage.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b'{"2001":{"a":1}}'] * 8
    assert asked.count("year_uses") == 1


def test_years_of_many_pages_are_complete(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    count(services, at(2001), *(f"t{number}" for number in range(stats.PAGE + 10)))
    drain(services)
    assert len(orjson.loads(rendered(services.stats))["2001"]) == stats.PAGE + 10


def test_two_keys_of_one_name_are_counted_together(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(services, at(2001), "a")
    count(services, at(2001), "b")
    drain(services)
    monkeypatch.setattr(hashtags, "fetch_names", lambda _tx, ids: dict.fromkeys(ids, "same"))
    assert rendered(services.stats) == b'{"2001":{"same":2}}'
