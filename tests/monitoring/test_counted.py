"""What alerts and dashboards build on is counted where it happens."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from tests.events import count
from tests.outbox import drain
from tests.processes import free_port
from twooter.errors import Unavailable
from twooter.services.batches import FRESH_MS
from twooter.services.house import Services
from twooter.services.versions import Versions
from twooter.settings import Settings
from twooter.storage.cache import Cache
from twooter.storage.counters import Counters
from twooter.storage.database import Storage
from twooter.wiring import wire


def total(name: str, **labels: str) -> float:
    """Return a counter's value, 0 before its first count."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Return the services on an empty database."""
    made = wire(settings)
    yield made
    made.stop()


@pytest.fixture
def nowhere() -> Cache:
    """Return a cache where nobody listens."""
    return Cache(f"redis://127.0.0.1:{free_port()}/0", timeout_seconds=0.2)


@pytest.mark.parametrize(("after_ms", "late"), [(0, 0), (FRESH_MS + 1_000, 3)])
def test_an_event_that_took_longer_than_five_seconds_is_late(
    services: Services, monkeypatch: pytest.MonkeyPatch, after_ms: int, late: int
) -> None:
    now_ms = services.ids.now_ms()
    count(services, now_ms, "tea", times=3)
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms + after_ms)
    before = {
        name: total(f"twooter_events_{name}_total", consumer="aggregates") for name in ("late", "applied")
    }
    drain(services)
    for name, expected in (("late", late), ("applied", 3)):
        assert total(f"twooter_events_{name}_total", consumer="aggregates") - before[name] == expected


def test_what_is_done_without_the_cache_is_a_fallback(nowhere: Cache) -> None:
    counted = {"cache": "limits", "outcome": "fallback"}
    before = total("twooter_cache_lookups_total", **counted)
    assert Counters(nowhere).count("k", 60) == 1
    assert Counters(None).count("k", 60) == 1
    assert total("twooter_cache_lookups_total", **counted) - before == 1


def test_a_version_that_could_not_be_moved_is_a_fallback(nowhere: Cache) -> None:
    counted = {"cache": "versions", "outcome": "fallback"}
    before = total("twooter_cache_lookups_total", **counted)
    Versions(nowhere, sleep=lambda _: None).move(7, [])
    assert total("twooter_cache_lookups_total", **counted) - before == 1


def test_statistics_that_were_rendered_before_are_a_hit(services: Services) -> None:
    def counted() -> tuple[float, float]:
        hit, miss = (
            total("twooter_cache_lookups_total", cache="statistics", outcome=o) for o in ("hit", "miss")
        )
        return hit, miss

    count(services, services.ids.now_ms(), "tea")
    drain(services)
    hits, misses = counted()
    services.stats.render(services.stats.edition(0, 3000))
    assert counted() == (hits, misses + 1)
    services.stats.render(services.stats.edition(1, 3000))  # another answer of the same year
    assert counted() == (hits + 1, misses + 1)


def test_connections_are_timed_whether_they_are_made_or_not(mariadb_server_url: str) -> None:
    def counted(outcome: str) -> float:
        return total("twooter_database_connect_seconds_count", outcome=outcome)

    made, failed = counted("made"), counted("failed")
    for url in (f"{mariadb_server_url}mysql", f"mysql://twooter:x@127.0.0.1:{free_port()}/mysql"):
        storage = Storage.open(Settings.model_validate({"database_url": url}))
        try:
            storage.read(lambda tx: tx.now_ms())
        except Unavailable:
            assert not url.startswith(mariadb_server_url)
        finally:
            storage.close()
    assert counted("made") - made == 1
    assert counted("failed") > failed
