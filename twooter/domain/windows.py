"""Windows of time, UTC: minutes, hours, days, months and years, by their start in Unix milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from twooter.domain import ids
from twooter.errors import Invalid

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 4 * DAY_MS
"""The first Monday since 1970; weeks begin on Mondays, as ISO 8601 has them."""


class Unit(enum.IntEnum):
    """How long a window is; the numbers are stored."""

    MINUTE = 1
    HOUR = 2
    DAY = 3
    MONTH = 4
    YEAR = 5


KEPT_MS: dict[Unit, int] = {Unit.MINUTE: 48 * HOUR_MS, Unit.HOUR: 90 * DAY_MS}
"""How long windows are kept; days, months and years for ever."""

_LENGTH_MS = {Unit.MINUTE: MINUTE_MS, Unit.HOUR: HOUR_MS, Unit.DAY: DAY_MS}


def start(unit: Unit, time_ms: int) -> int:
    """Return the start of the window that a time lies in."""
    length = _LENGTH_MS.get(unit)
    if length is not None:
        return time_ms - time_ms % length
    when = datetime.fromtimestamp(time_ms / 1000, UTC)
    month = 1 if unit is Unit.YEAR else when.month
    return round(datetime(when.year, month, 1, tzinfo=UTC).timestamp() * 1000)


def following(unit: Unit, start_ms: int) -> int:
    """Return the start of the next window."""
    length = _LENGTH_MS.get(unit)
    if length is not None:
        return start_ms + length
    when = datetime.fromtimestamp(start_ms / 1000, UTC)
    if unit is Unit.YEAR:
        return round(datetime(when.year + 1, 1, 1, tzinfo=UTC).timestamp() * 1000)
    year, month = divmod(when.year * 12 + when.month, 12)
    return round(datetime(year, month + 1, 1, tzinfo=UTC).timestamp() * 1000)


def starts(unit: Unit, from_ms: int, to_ms: int, *, at_most: int) -> list[int]:
    """Return the starts of the windows that touch [from, to), oldest first.

    Raises: ValueError when there are more than `at_most`.
    """
    found: list[int] = []
    at = start(unit, from_ms)
    while at < to_ms:
        if len(found) == at_most:
            raise ValueError(f"more than {at_most} windows")
        found.append(at)
        at = following(unit, at)
    return found


def week_start(time_ms: int) -> int:
    """Return the start of the week that a time lies in."""
    return time_ms - (time_ms - MONDAY_MS) % WEEK_MS


def year_start(year: int) -> int:
    """Return the start of a year, 1..9999."""
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


def year_of(start_ms: int) -> int:
    """Return the year a time lies in."""
    return datetime.fromtimestamp(start_ms / 1000, UTC).year


MAX_WINDOWS = 1_000
_DEFAULT_WINDOWS = {Unit.MINUTE: 60, Unit.HOUR: 24, Unit.DAY: 30, Unit.MONTH: 12, Unit.YEAR: 10}
_FIRST_MS, _LAST_MS = ids.EPOCH_MS, ids.MAX_TIME_MS


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """What happened on the whole instance in a window; counters may be negative for a moment.

    Active accounts have posted, participants have posted, liked, retwooted or followed; both are known only where the
    window is a day, and 0 elsewhere.
    """

    start_ms: int
    twoots: int = 0
    replies: int = 0
    accounts: int = 0
    active_accounts: int = 0
    follows: int = 0
    likes: int = 0
    retwoots: int = 0
    participants: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring windows of one unit, by their starts, oldest first; never empty."""

    unit: Unit
    starts: tuple[int, ...]

    @property
    def end_ms(self) -> int:
        """Return where the last window ends."""
        return following(self.unit, self.starts[-1])


def span(unit: Unit, from_ms: int | None, to_ms: int | None, now_ms: int) -> Span:
    """Return the windows that touch [from, to).

    Without `to_ms` they end with the present one; without `from_ms` they are the last 60 minutes, 24 hours, 30 days,
    12 months or 10 years before the end.
    Raises: Invalid when there are none or more than 1,000, or when their counts are not kept that long.
    """
    last_ms = now_ms if to_ms is None else to_ms - 1
    if from_ms is None:
        from_ms = start(unit, last_ms)
        for _ in range(_DEFAULT_WINDOWS[unit] - 1):
            from_ms = start(unit, max(_FIRST_MS, from_ms - 1))
    if not _FIRST_MS <= from_ms <= last_ms <= _LAST_MS:
        raise Invalid.field("from", "bad_range", "Ask for a time before `to`, between 2000 and 2069.")
    if start(unit, from_ms) < now_ms - KEPT_MS.get(unit, now_ms):
        hours = KEPT_MS[unit] // HOUR_MS
        raise Invalid.field(
            "from", "too_old", f"These windows are kept for {hours} hours; ask for longer ones."
        )
    try:
        return Span(unit, tuple(starts(unit, from_ms, last_ms + 1, at_most=MAX_WINDOWS)))
    except ValueError:
        raise Invalid.field(
            "from",
            "too_many_windows",
            f"Ask for at most {MAX_WINDOWS} windows; shorten the range or lengthen the interval.",
        ) from None
