"""Timings: how long requests and statements take, counted in the process and written once a minute."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Mapping
from functools import partial

from twooter.domain import windows
from twooter.domain.histograms import BOUNDS_MS, BUCKETS, Histogram
from twooter.domain.windows import DAY_MS, HOUR_MS, Unit
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.storage import timings
from twooter.storage.database import Session, Storage
from twooter.storage.timings import OWN_STATEMENTS, QUERIES, REQUESTS, Kind

log = get_logger("timings")

MAX_NAMES = 400
"""Names a process keeps of each kind; what comes above is counted together."""
OTHER = "other"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BOUNDS_SECONDS = tuple(bound / 1000 for bound in BOUNDS_MS[:-1])
_ERRORS, _SECONDS = BUCKETS, BUCKETS + 1
_Row = list[int | float]
_ROLLED_UP = ((Unit.MINUTE, Unit.HOUR), (Unit.HOUR, Unit.DAY))
_REACH_MS = {Unit.HOUR: 46 * HOUR_MS, Unit.DAY: 88 * DAY_MS}
"""How far back a window is computed anew: as long as everything it is made of is surely kept."""
_MAX_WINDOWS = 100


class Recorder:
    """Counts times by name; safe between threads, and cheap, for every request and statement pays it."""

    def __init__(self) -> None:
        self._clear()
        os.register_at_fork(after_in_child=self._clear)

    def _clear(self) -> None:
        self._lock = threading.Lock()
        self._rows = _new_rows()

    def record(self, name: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - what Storage and doorway call
        """Count one time."""
        with self._lock:
            row = self._rows.get(name)
            if row is None:
                row = self._row(name)
            row[bisect_left(_BOUNDS_SECONDS, seconds)] += 1
            row[_SECONDS] += seconds
            if failed:
                row[_ERRORS] += 1

    def take(self) -> dict[str, Histogram]:
        """Return what was counted since the last time, and begin anew."""
        with self._lock:
            rows, self._rows = self._rows, _new_rows()
        return {name: _histogram(row) for name, row in rows.items() if name not in OWN_STATEMENTS}

    def put_back(self, taken: Mapping[str, Histogram]) -> None:
        """Count again what could not be written."""
        with self._lock:
            for name, histogram in taken.items():
                row = self._row(name)
                for index, count in enumerate(histogram.buckets):
                    row[index] += count
                row[_ERRORS] += histogram.errors
                row[_SECONDS] += histogram.sum_us / 1e6

    def _row(self, name: str) -> _Row:
        if name not in self._rows and len(self._rows) >= MAX_NAMES:
            name = OTHER
        return self._rows.setdefault(name[: timings.MAX_NAME], _new_row())


class Timings:
    """Keeps this process's times, writes them, and rolls up what all processes wrote."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._requests, self._statements = Recorder(), Recorder()
        self.observe_statement = self._statements.record

    def observe_request(self, name: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - what the doorway calls
        """Count a request by its method and route template; methods nobody serves count as one."""
        method, _, route = name.partition(" ")
        self._requests.record(name if method in _METHODS else f"OTHER {route}", seconds, failed)

    def flush(self) -> None:
        """Write what was counted since the last time into the present minute, in one small transaction.

        When the database is away the counts wait for the next time. When only the answer to COMMIT was lost, they may
        be written twice: these are measurements, not books.
        """
        taken = {REQUESTS: self._requests.take(), QUERIES: self._statements.take()}
        if not any(taken.values()):
            return
        try:
            self._storage.transact(lambda tx: _write(tx, taken))
        except Unavailable:
            self._requests.put_back(taken[REQUESTS])
            self._statements.put_back(taken[QUERIES])
            log.warning("timings_not_written")

    def rollup(self) -> None:
        """Bring hours and days up to the minutes and hours below them; repeating it changes nothing.

        Windows are computed anew, not added to: from the one before the newest that was computed up to the present one.
        """
        for kind in (REQUESTS, QUERIES):
            for lower, upper in _ROLLED_UP:
                for start_ms in self._storage.read(partial(_due, kind=kind, lower=lower, upper=upper)):
                    self._storage.transact(
                        partial(_roll_up, kind=kind, lower=lower, start_ms=start_ms, upper=upper)
                    )


def _write(tx: Session, taken: Mapping[Kind, Mapping[str, Histogram]]) -> None:
    # the end of the time that was counted decides: what is written belongs to no window that is already over
    minute_ms = windows.start(Unit.MINUTE, tx.now_ms())
    for kind, rows in taken.items():
        timings.add(tx, kind, Unit.MINUTE, minute_ms, rows)


def _due(tx: Session, *, kind: Kind, lower: Unit, upper: Unit) -> list[int]:
    now_ms = tx.now_ms()
    newest_ms = timings.find_newest(tx, kind, upper)
    first_ms = timings.find_oldest(tx, kind, lower) if newest_ms is None else newest_ms - 1
    if first_ms is None:
        return []
    first_ms = max(first_ms, now_ms - _REACH_MS[upper])
    return windows.starts(upper, first_ms, now_ms + 1, at_most=_MAX_WINDOWS)


def _roll_up(tx: Session, *, kind: Kind, lower: Unit, upper: Unit, start_ms: int) -> None:
    rows = timings.sum_up(tx, kind, lower, start_ms, windows.following(upper, start_ms))
    timings.replace(tx, kind, upper, start_ms, rows)


def _new_rows() -> dict[str, _Row]:
    return {name: _new_row() for name in OWN_STATEMENTS}


def _new_row() -> _Row:
    return [0] * (BUCKETS + 2)


def _histogram(row: _Row) -> Histogram:
    return Histogram(int(row[_ERRORS]), round(row[_SECONDS] * 1e6), tuple(int(n) for n in row[:BUCKETS]))
