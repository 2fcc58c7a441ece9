"""Timings: counted in the process, written in one transaction, rolled up without counting twice."""

import threading
import time
from collections import Counter

import pytest

from twooter.domain import windows
from twooter.domain.histograms import EMPTY, Histogram
from twooter.domain.windows import Unit
from twooter.services.timings import MAX_NAMES, OTHER, Recorder, Timings
from twooter.settings import Settings
from twooter.storage import timings
from twooter.storage.database import Storage
from twooter.storage.timings import QUERIES, REQUESTS, Kind

HOUR_MS = 3_600_000


def stored(storage: Storage, kind: Kind, unit: Unit) -> dict[str, Histogram]:
    return storage.read(lambda tx: timings.sum_up(tx, kind, unit, 0, 2**62))


def histogram(count: int, *, bucket: int = 3) -> Histogram:
    return Histogram(0, count * 1_500, tuple(count if i == bucket else 0 for i in range(20)))


def test_what_was_recorded_is_written_once(storage: Storage) -> None:
    mine = Timings(storage)
    for seconds in (0.0001, 0.003, 0.003, 100.0):
        mine.observe_request("GET /v1/trends", seconds, False)
    mine.observe_request("POST /messages", 0.01, True)
    mine.observe_statement("hashtag_ids", 0.001, False)
    mine.flush()
    mine.flush()
    found = stored(storage, REQUESTS, Unit.MINUTE)
    assert found.keys() == {"GET /v1/trends", "POST /messages"}
    assert found["GET /v1/trends"].buckets[:5] == (1, 0, 0, 0, 2)
    assert found["GET /v1/trends"].buckets[-1] == 1
    assert found["GET /v1/trends"].sum_us == 100_006_100
    assert (found["POST /messages"].count, found["POST /messages"].errors) == (1, 1)
    assert stored(storage, QUERIES, Unit.MINUTE)["hashtag_ids"].count == 1


def test_processes_add_up(storage: Storage) -> None:
    for _ in range(3):
        mine = Timings(storage)
        mine.observe_request("GET /v1/trends", 0.003, False)
        mine.flush()
    assert stored(storage, REQUESTS, Unit.MINUTE)["GET /v1/trends"].count == 3


def test_writing_does_not_make_more_to_write(storage: Storage) -> None:
    mine = Timings(storage)
    storage.observers.append(mine.observe_statement)
    mine.observe_request("GET /v1/trends", 0.003, False)
    mine.flush()
    written = stored(storage, QUERIES, Unit.MINUTE)
    mine.flush()
    mine.flush()
    assert written == {}
    assert stored(storage, QUERIES, Unit.MINUTE).keys() == {"timings_sums"}  # this test's own reading


def test_methods_that_nobody_serves_are_one_name(storage: Storage) -> None:
    mine = Timings(storage)
    for number in range(50):
        mine.observe_request(f"BREW{number} none", 0.001, False)
    mine.flush()
    assert stored(storage, REQUESTS, Unit.MINUTE)["OTHER none"].count == 50


def test_names_are_bounded_in_number_and_length() -> None:
    recorder = Recorder()
    for number in range(MAX_NAMES + 100):
        recorder.record(f"{number}", 0.001, False)
    recorder.record("x" * 1000, 0.001, False)
    taken = recorder.take()
    assert len(taken) <= MAX_NAMES + 1
    assert sum(h.count for h in taken.values()) == MAX_NAMES + 101
    assert taken[OTHER].count >= 100
    assert max(map(len, taken)) <= timings.MAX_NAME


def test_threads_lose_no_count() -> None:
    recorder, found = Recorder(), Counter[str]()

    def work() -> None:
        for _ in range(5_000):
            recorder.record("a", 0.001, False)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found.update({name: h.count for name, h in recorder.take().items()})
    found.update({name: h.count for name, h in recorder.take().items()})
    assert found["a"] == 40_000


def test_recording_is_cheap() -> None:
    recorder = Recorder()
    times = []
    for _ in range(5):
        began = time.thread_time()
        for _ in range(10_000):
            recorder.record("GET /v1/trends", 0.003, False)
        times.append((time.thread_time() - began) / 10_000)
    assert min(times) < 5e-6  # about 0.5e-6 on a quiet machine


def test_what_cannot_be_written_waits(settings: Settings) -> None:
    away = Storage.open(
        settings.model_copy(update={"database_url": None, "var_dir": settings.var_dir / "away"})
    )
    mine = Timings(away)
    mine.observe_request("GET /v1/trends", 0.003, True)
    away.database.init("/proc/nothing/here.sqlite3")
    mine.flush()
    assert mine._requests.take()["GET /v1/trends"].errors == 1
    assert away.database.is_closed()


def test_a_forked_child_does_not_write_its_parents_counts() -> None:
    recorder = Recorder()
    recorder.record("a", 0.001, False)
    recorder._clear()  # what the fork calls in the child
    assert recorder.take() == {}


def test_hours_and_days_are_what_their_minutes_add_up_to(storage: Storage) -> None:
    mine = Timings(storage)
    now_ms = storage.read(lambda tx: tx.now_ms())
    hour_ms = windows.start(Unit.HOUR, now_ms)
    for minutes in (0, 1, 61, 125):
        at_ms = windows.start(Unit.MINUTE, now_ms) - minutes * 60_000
        for kind in (REQUESTS, QUERIES):
            storage.transact(
                lambda tx, kind=kind, at_ms=at_ms: timings.add(  # type: ignore[misc]  # defaults bind the loop's values
                    tx, kind, Unit.MINUTE, at_ms, {"a": histogram(2), "b": histogram(1, bucket=19)}
                )
            )
    mine.rollup()
    for unit in (Unit.HOUR, Unit.DAY):
        for kind in (REQUESTS, QUERIES):
            assert stored(storage, kind, unit) == {"a": histogram(8), "b": histogram(4, bucket=19)}
    # a late minute of the hour before, then the same again: nothing is counted twice
    late_ms = hour_ms - 60_000
    storage.transact(lambda tx: timings.add(tx, REQUESTS, Unit.MINUTE, late_ms, {"a": histogram(5)}))
    mine.rollup()
    mine.rollup()
    assert stored(storage, REQUESTS, Unit.HOUR)["a"] == histogram(13)
    assert stored(storage, REQUESTS, Unit.DAY)["a"] == histogram(13)


def test_a_rollup_does_not_touch_hours_whose_minutes_may_be_gone(storage: Storage) -> None:
    mine = Timings(storage)
    now_ms = storage.read(lambda tx: tx.now_ms())
    old_ms = windows.start(Unit.HOUR, now_ms) - 60 * HOUR_MS
    storage.transact(lambda tx: timings.add(tx, REQUESTS, Unit.HOUR, old_ms, {"a": histogram(7)}))
    storage.transact(lambda tx: timings.add(tx, REQUESTS, Unit.MINUTE, old_ms, {"a": histogram(1)}))
    mine.rollup()
    assert stored(storage, REQUESTS, Unit.HOUR)["a"] == histogram(7)


def test_nothing_rolls_up_to_nothing(storage: Storage) -> None:
    Timings(storage).rollup()
    assert stored(storage, REQUESTS, Unit.HOUR) == {}
    assert EMPTY.count == 0


@pytest.mark.parametrize("unit", [Unit.MINUTE, Unit.HOUR, Unit.DAY])
def test_named_times_are_those_of_the_range(storage: Storage, unit: Unit) -> None:
    starts = windows.span(unit, None, None, storage.read(lambda tx: tx.now_ms())).starts
    rows = {"a": histogram(1), "b": histogram(2)}
    storage.transact(lambda tx: timings.add(tx, QUERIES, unit, starts[0], rows))
    storage.transact(lambda tx: timings.add(tx, QUERIES, unit, starts[-1], rows))
    everything = storage.read(lambda tx: timings.fetch(tx, QUERIES, unit, starts))
    assert [row[:2] for row in everything] == [
        (starts[0], "a"),
        (starts[0], "b"),
        (starts[-1], "a"),
        (starts[-1], "b"),
    ]
    named = storage.read(lambda tx: timings.fetch_named(tx, QUERIES, unit, starts, ["b", "c"]))
    assert named == [(starts[0], "b", histogram(2)), (starts[-1], "b", histogram(2))]
