"""Analytics: series of the whole instance and of its hashtags, a summary, and how long requests and statements take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain import grammar, windows
from twooter.domain import ids as id_rules
from twooter.domain import retention as retention_rules
from twooter.domain.hashtags import HashtagHistory
from twooter.domain.histograms import EMPTY, Histogram
from twooter.domain.retention import Cohort, Reach
from twooter.domain.windows import DAY_MS, Span, Unit, WindowCounts
from twooter.errors import Invalid
from twooter.services import histories
from twooter.services.histories import MAX_HASHTAGS
from twooter.services.ids import Ids
from twooter.storage import activity, hashtags, series, timings
from twooter.storage.database import Session, Storage
from twooter.storage.timings import MAX_ROWS, Kind

_LED_UNITS_DAYS = {Unit.HOUR: 1 / 24, Unit.DAY: 1, Unit.MONTH: 28, Unit.YEAR: 365}
"""Units of which leaders are kept, the finest first, and how many days one has at the least."""
MAX_CELLS = 20_000
"""Hashtags times windows of one answer: half a second of work."""
_MAX_LED_WINDOWS = 62
_SUMMARY_DAYS = 7
_SUMMARY_HASHTAGS = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """How the instance does: all time, the last seven days (oldest first, the present one last), and its hashtags."""

    totals: WindowCounts
    days: tuple[WindowCounts, ...]
    top: tuple[HashtagHistory, ...]
    trends: tuple[HashtagHistory, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one route or statement took: in all, and by the start of each window in which there was any."""

    name: str
    total: Histogram
    windows: tuple[tuple[int, Histogram], ...]


class Analytics:
    """Reads aggregates; never what they are made of."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids

    def span(self, unit: Unit, from_ms: int | None, to_ms: int | None) -> Span:
        """Return the windows that touch [from, to), or the unit's last ones.

        Raises: Invalid for a range that cannot be.
        """
        return windows.span(unit, from_ms, to_ms, self._ids.now_ms())

    def instance(self, span: Span) -> list[WindowCounts]:
        """Return every window of the span, oldest first."""
        return self._storage.read(lambda tx: _every_window(tx, span))

    def hashtags(self, span: Span, tags: Sequence[str], limit: int) -> list[HashtagHistory]:
        """Return hashtags with every window of the span: those named, or else those that lead it, the most used first.

        Raises: Invalid for more than 100 names, or more than 20,000 windows over all of them.
        """
        if len(tags) > MAX_HASHTAGS:
            raise Invalid.field("hashtag", "too_many", f"Name at most {MAX_HASHTAGS} hashtags.")
        if (len(tags) or limit) * len(span.starts) > MAX_CELLS:
            raise Invalid.field(
                "interval", "too_many", "Ask for fewer hashtags, longer windows or a shorter range."
            )
        keys = list(dict.fromkeys(grammar.tag_key(tag) for tag in tags))

        def work(tx: Session) -> list[HashtagHistory]:
            if keys:
                known = hashtags.fetch_ids(tx, keys)
                return _named(tx, [known[key] for key in keys if key in known], span)
            found = _named(tx, _leaders(tx, span, limit), span)
            return sorted((h for h in found if _uses(h) > 0), key=lambda h: (-_uses(h), h.name))

        return self._storage.read(work)

    def reach(self, from_ms: int | None, to_ms: int | None, weeks: int) -> Reach:
        """Return the weeks of joining that touch [from, to), or the last ones, and what to tell of each.

        Raises: Invalid for a range that cannot be.
        """
        return retention_rules.reach(from_ms, to_ms, weeks, self._ids.now_ms())

    def retention(self, reach: Reach) -> list[Cohort]:
        """Return those who joined in each of the weeks, oldest first, and how many of them took part since."""
        days = Span(Unit.DAY, tuple(range(reach.starts[0], reach.end_ms, DAY_MS)))

        def work(tx: Session) -> list[Cohort]:
            registered = {start_ms: day.accounts for start_ms, day in series.fetch_windows(tx, days).items()}
            there = activity.fetch_retention(tx, reach.all_weeks, reach.starts)
            return [
                Cohort(
                    start_ms,
                    sum(registered.get(start_ms + day * DAY_MS, 0) for day in range(7)),
                    tuple(there.get((week_ms, start_ms), 0) for week_ms in reach.weeks_of(start_ms)),
                )
                for start_ms in reach.starts
            ]

        return self._storage.read(work)

    def summary(self) -> Summary:
        """Return how the instance does now; about ten queries, whatever its size."""
        now_ms = self._ids.now_ms()
        years = windows.span(Unit.YEAR, id_rules.EPOCH_MS, id_rules.MAX_TIME_MS, now_ms)
        days = windows.span(Unit.DAY, now_ms - (_SUMMARY_DAYS - 1) * DAY_MS, None, now_ms)
        hours = windows.span(Unit.HOUR, None, None, now_ms)

        def work(tx: Session) -> Summary:
            all_years = series.fetch_windows(tx, years).values()
            totals = WindowCounts(
                years.starts[0],
                sum(year.twoots for year in all_years),
                sum(year.replies for year in all_years),
                sum(year.accounts for year in all_years),
                follows=sum(year.follows for year in all_years),
                likes=sum(year.likes for year in all_years),
                retwoots=sum(year.retwoots for year in all_years),
            )
            leaders = series.fetch_leaders(tx, Unit.DAY, days.starts[0], days.starts[-1], _SUMMARY_HASHTAGS)
            return Summary(
                totals,
                tuple(_every_window(tx, days)),
                tuple(_named(tx, leaders, days)),
                tuple(histories.trends(tx, _SUMMARY_HASHTAGS, hours)),
            )

        return self._storage.read(work)

    def timings(self, kind: Kind, span: Span, names: Sequence[str]) -> list[Timing]:
        """Return the times of all processes by name, in alphabetical order; only of `names` when there are any.

        Raises: Invalid when there are more than 5,000 rows to tell of.
        """
        if len(names) * len(span.starts) > MAX_ROWS:
            raise _too_many()
        rows = self._storage.read(
            lambda tx: (
                timings.fetch_named(tx, kind, span.unit, span.starts, names)
                if names
                else timings.fetch(tx, kind, span.unit, span.starts)
            )
        )
        if len(rows) > MAX_ROWS:
            raise _too_many()
        by_name: dict[str, list[tuple[int, Histogram]]] = {}
        for start_ms, name, histogram in rows:
            by_name.setdefault(name, []).append((start_ms, histogram))
        return [
            Timing(name, sum((histogram for _, histogram in found), EMPTY), tuple(found))
            for name, found in sorted(by_name.items())
        ]


def _too_many() -> Invalid:
    return Invalid.field(
        "from", "too_many_rows", "This is too much at once; shorten the range, or name what you ask for."
    )


def _every_window(tx: Session, span: Span) -> list[WindowCounts]:
    found = series.fetch_windows(tx, span)
    return [found.get(start_ms) or WindowCounts(start_ms) for start_ms in span.starts]


def _named(tx: Session, tag_ids: Sequence[int], span: Span) -> list[HashtagHistory]:
    rows = histories.in_order(hashtags.fetch(tx, tag_ids), tag_ids)
    return histories.histories(tx, rows, span)


def _leaders(tx: Session, span: Span, limit: int) -> list[int]:
    """Return the hashtags that lead the span, out of the finest precomputed windows that are few enough to add up."""
    last_ms = span.end_ms - 1
    for unit, days in _LED_UNITS_DAYS.items():
        first_ms = windows.start(unit, span.starts[0])
        if unit < span.unit or (last_ms - first_ms) // DAY_MS > _MAX_LED_WINDOWS * days:
            continue
        if found := series.fetch_leaders(tx, unit, first_ms, last_ms, limit):
            return found
    return []


def _uses(history: HashtagHistory) -> int:
    return sum(window.uses for window in history.windows)
