"""Trends: how surprising it is that so many accounts use a hashtag today."""

from __future__ import annotations

import math

from twooter.domain.windows import DAY_MS, HOUR_MS

MIN_ACCOUNTS = 2
"""Fewer accounts make no trend, however new the hashtag is: one person is never a trend."""
MIN_SCORE = 0.1
HALF_LIFE_MS = 3 * HOUR_MS
_LEAST_EXPECTED = 1.0


def score(today: int, yesterday: int, elapsed_ms: int) -> float:
    """Return how far the accounts of today go beyond those expected, squared and by the expectation; 0 for no more.

    Expected is yesterday's number, as much of it as the day is old. The square by the expectation (a chi-square) lets
    ten accounts where one was expected weigh more than 1,010 where 1,000 were.
    """
    if today < MIN_ACCOUNTS:
        return 0.0
    share = min(1.0, max(0.0, elapsed_ms / DAY_MS))
    expected = max(_LEAST_EXPECTED, max(0, yesterday) * share)
    return (today - expected) ** 2 / expected if today > expected else 0.0


def decayed(former: float, age_ms: int) -> float:
    """Return what is left of a score after a time: half of it every three hours."""
    return former * math.pow(0.5, max(0, age_ms) / HALF_LIFE_MS)


def blended(fresh: float, former: float, age_ms: int) -> float:
    """Return a hashtag's score: the fresh one, or what is left of the former where that is more.

    A wave that is over fades instead of vanishing, and midnight, where every count begins anew, empties no list.
    """
    found = max(fresh, decayed(former, age_ms))
    return found if found >= MIN_SCORE else 0.0
