"""Timings: histograms of requests and statements by window and name, summed over all processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from peewee import fn

from twooter.domain.histograms import BUCKETS, Histogram
from twooter.domain.windows import Unit
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Timings

Kind = Literal["request", "query"]
REQUESTS: Kind = "request"
QUERIES: Kind = "query"
MAX_NAME = 128
MAX_ROWS = 5_000
_INSERT_STEP = 100
_STARTS_STEP = 500

_SUMS = ("count", "errors", "sum_us", *(f"b{index}" for index in range(BUCKETS)))
_COLUMNS = ("kind", "unit", "start_ms", "name", *_SUMS)
_FIELDS = tuple(getattr(Timings, name) for name in ("start_ms", "name", *_SUMS[1:]))

_add = Insert("timings_add", Timings, _COLUMNS, duplicate=dict.fromkeys(_SUMS, "add"))
_replace = Insert("timings_replace", Timings, _COLUMNS, duplicate=dict.fromkeys(_SUMS, "set"))
_newest = Statement(
    "timings_newest",
    lambda: Timings.select(fn.MAX(Timings.start_ms)).where(
        (Timings.kind == p("kind")) & (Timings.unit == p("unit"))
    ),
)
_oldest = Statement(
    "timings_oldest",
    lambda: Timings.select(fn.MIN(Timings.start_ms)).where(
        (Timings.kind == p("kind")) & (Timings.unit == p("unit"))
    ),
)
_sums = Statement(
    "timings_sums",
    lambda: (
        Timings.select(Timings.name, *(fn.SUM(getattr(Timings, name)) for name in _SUMS[1:]))
        .where(
            (Timings.kind == p("kind"))
            & (Timings.unit == p("unit"))
            & (Timings.start_ms >= p("from_ms"))
            & (Timings.start_ms < p("to_ms"))
        )
        .group_by(Timings.name)
        .order_by(Timings.name)
    ),
)
_range = Statement(
    "timings_range",
    lambda: (
        Timings.select(*_FIELDS)
        .where(
            (Timings.kind == p("kind"))
            & (Timings.unit == p("unit"))
            & (Timings.start_ms >= p("from_ms"))
            & (Timings.start_ms < p("to_ms"))
        )
        .order_by(Timings.start_ms, Timings.name)
        .limit(p("limit"))
    ),
)
_named = Statement(
    "timings_named",
    lambda: (
        Timings.select(*_FIELDS)
        .where(
            (Timings.kind == p("kind"))
            & (Timings.unit == p("unit"))
            & Timings.start_ms.in_(each("starts"))
            & Timings.name.in_(each("names"))
        )
        .order_by(Timings.start_ms, Timings.name)
    ),
)
OWN_STATEMENTS = (_add.name,)
"""What writing the timings costs; not written itself, or an idle process would go on for ever."""


def _histogram(values: Sequence[int]) -> Histogram:
    """Return the histogram of errors, sum and buckets; sums come as decimals from MySQL."""
    return Histogram(int(values[0]), int(values[1]), tuple(int(value) for value in values[2:]))


def _rows(kind: Kind, unit: Unit, start_ms: int, histograms: Mapping[str, Histogram]) -> list[Row]:
    return [
        (kind, int(unit), start_ms, name, h.count, h.errors, h.sum_us, *h.buckets)
        for name, h in sorted(
            histograms.items()
        )  # one order for all, so that processes queue instead of deadlocking
    ]


def add(tx: Session, kind: Kind, unit: Unit, start_ms: int, histograms: Mapping[str, Histogram]) -> None:
    """Add histograms by name to those of a window."""
    tx.insert(_add, _rows(kind, unit, start_ms, histograms), step=_INSERT_STEP)


def replace(tx: Session, kind: Kind, unit: Unit, start_ms: int, histograms: Mapping[str, Histogram]) -> None:
    """Make histograms by name those of a window."""
    tx.insert(_replace, _rows(kind, unit, start_ms, histograms), step=_INSERT_STEP)


def find_newest(tx: Session, kind: Kind, unit: Unit) -> int | None:
    """Return the start of the newest window there is."""
    row = tx.one(_newest, kind=kind, unit=int(unit))
    return None if row is None else row[0]


def find_oldest(tx: Session, kind: Kind, unit: Unit) -> int | None:
    """Return the start of the oldest window there is."""
    row = tx.one(_oldest, kind=kind, unit=int(unit))
    return None if row is None else row[0]


def sum_up(tx: Session, kind: Kind, unit: Unit, from_ms: int, to_ms: int) -> dict[str, Histogram]:
    """Return by name the sums of the windows that start in [from, to)."""
    rows = tx.all(_sums, kind=kind, unit=int(unit), from_ms=from_ms, to_ms=to_ms)
    return {row[0]: _histogram(row[1:]) for row in rows}


def fetch(tx: Session, kind: Kind, unit: Unit, starts: Sequence[int]) -> list[tuple[int, str, Histogram]]:
    """Return (start, name, histogram) of neighbouring windows, oldest first; at most `MAX_ROWS` and one more."""
    rows = tx.all(
        _range, kind=kind, unit=int(unit), from_ms=starts[0], to_ms=starts[-1] + 1, limit=MAX_ROWS + 1
    )
    return [(row[0], row[1], _histogram(row[2:])) for row in rows]


def fetch_named(
    tx: Session, kind: Kind, unit: Unit, starts: Sequence[int], names: Sequence[str]
) -> list[tuple[int, str, Histogram]]:
    """Return (start, name, histogram) of windows and names, oldest first; the caller bounds their product."""
    found: list[tuple[int, str, Histogram]] = []
    for i in range(0, len(starts), _STARTS_STEP):
        rows = tx.all(_named, kind=kind, unit=int(unit), starts=starts[i : i + _STARTS_STEP], names=names)
        found += [(row[0], row[1], _histogram(row[2:])) for row in rows]
    return found
