"""Windows of time, UTC: minutes, hours, days, months and years, by their start in Unix milliseconds."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Unit(enum.IntEnum):
    """How long a window is; the numbers are stored."""

    MINUTE = 1
    HOUR = 2
    DAY = 3
    MONTH = 4
    YEAR = 5


KEPT_MS: dict[Unit, int] = {Unit.MINUTE: 48 * _HOUR, Unit.HOUR: 90 * _DAY}
"""How long windows are kept; days, months and years for ever."""

_LENGTH_MS = {Unit.MINUTE: _MINUTE, Unit.HOUR: _HOUR, Unit.DAY: _DAY}


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


def year_start(year: int) -> int:
    """Return the start of a year, 1..9999."""
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


def year_of(start_ms: int) -> int:
    """Return the year a time lies in."""
    return datetime.fromtimestamp(start_ms / 1000, UTC).year
