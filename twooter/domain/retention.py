"""Retention: of the accounts that joined in the same week, how many took part in that week and in those after it."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain import ids
from twooter.domain.windows import WEEK_MS, week_start
from twooter.errors import Invalid

MAX_COHORTS, MAX_WEEKS = 52, 52
DEFAULT_COHORTS, DEFAULT_WEEKS = 12, 12


@dataclass(frozen=True, slots=True)
class Cohort:
    """Accounts that joined in a week, and how many of them took part in each week up to the present one.

    The first of these is the week in which they joined. Numbers may be negative for a moment.
    """

    start_ms: int
    accounts: int
    participants: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """Weeks in which accounts joined, by their starts, oldest first and never empty; and what to tell of each."""

    starts: tuple[int, ...]
    weeks: int
    """How many weeks after the one in which they joined."""
    last_ms: int
    """The present week."""

    @property
    def end_ms(self) -> int:
        """Return where the last week of joining ends."""
        return self.starts[-1] + WEEK_MS

    def weeks_of(self, start_ms: int) -> range:
        """Return the weeks to tell of those who joined in one, by their starts."""
        return range(start_ms, min(start_ms + self.weeks * WEEK_MS, self.last_ms) + 1, WEEK_MS)

    @property
    def all_weeks(self) -> range:
        """Return every week that anything is to be told of, by their starts."""
        return range(self.starts[0], self.weeks_of(self.starts[-1])[-1] + 1, WEEK_MS)


def reach(from_ms: int | None, to_ms: int | None, weeks: int, now_ms: int) -> Reach:
    """Return the weeks that touch [from, to), none of them in the future.

    Without `to_ms` they end with the present one; without `from_ms` they are the last twelve before the end.
    Raises: Invalid when there are none, or more than 52.
    """
    last_ms = min(now_ms, now_ms if to_ms is None else to_ms - 1)
    if from_ms is None:
        from_ms = max(ids.EPOCH_MS, week_start(last_ms) - (DEFAULT_COHORTS - 1) * WEEK_MS)
    if not ids.EPOCH_MS <= from_ms <= last_ms:
        raise Invalid.field("from", "bad_range", "Ask for a time before `to` and before now, from 2000 on.")
    starts = tuple(range(week_start(from_ms), last_ms + 1, WEEK_MS))
    if len(starts) > MAX_COHORTS:
        raise Invalid.field(
            "from", "too_many_windows", f"Ask for at most {MAX_COHORTS} weeks; shorten the range."
        )
    return Reach(starts, weeks, week_start(now_ms))
