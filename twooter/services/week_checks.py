"""Week checks: weeks of accounts compared with their days, and retention with the weeks, as these are."""

from __future__ import annotations

from twooter.domain import ids
from twooter.domain.drifts import Drifts, Kind
from twooter.storage import week_sources
from twooter.storage.database import Session

FIRST = ids.IMPORTED_ID
"""The account to begin after: the built-in ones never joined."""


def accounts(tx: Session, week_ms: int, after: int) -> tuple[Drifts, int | None]:
    """Compare one page of a week's accounts with its days; return the account to go on after, None at the end."""
    days, said, last = week_sources.fetch_accounts(tx, week_ms, after)
    found = Drifts()
    for account_id in days.keys() | said.keys():
        key = (week_ms, account_id)
        found.add(Kind.ACTIVE_WEEK_DAYS, key, said.get(account_id, 0) - days.get(account_id, 0))
    return found, last


def cohorts(tx: Session, week_ms: int) -> Drifts:
    """Compare how many of those who joined together did something in a week with the week's accounts."""
    counted, said = week_sources.count_cohorts(tx, week_ms)
    found = Drifts()
    for joined_ms in counted.keys() | said.keys():
        key = (week_ms, joined_ms)
        found.add(Kind.RETENTION, key, said.get(joined_ms, 0) - counted.get(joined_ms, 0))
    return found
