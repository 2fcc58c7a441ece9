"""What an audit reads of weeks: who did something on their days, who is said to have, and how many joined together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from peewee import ColumnBase, Context, Expression, fn

from twooter.domain import ids
from twooter.domain.windows import DAY_MS, MONDAY_MS, WEEK_MS
from twooter.storage import sources
from twooter.storage.database import Row, Session
from twooter.storage.statements import Statement, p
from twooter.storage.tables import ActiveAccounts, ActiveWeeks, Retention

_day = Statement(
    "audit_active_day",
    lambda: (
        ActiveAccounts.select(ActiveAccounts.account_id, ActiveAccounts.uses, ActiveAccounts.acts)
        .where((ActiveAccounts.day_ms == p("day_ms")) & (ActiveAccounts.account_id > p("after")))
        .order_by(ActiveAccounts.account_id)
        .limit(p("limit"))
    ),
)
_week = Statement(
    "audit_active_week",
    lambda: (
        ActiveWeeks.select(ActiveWeeks.account_id, ActiveWeeks.days)
        .where((ActiveWeeks.week_ms == p("week_ms")) & (ActiveWeeks.account_id > p("after")))
        .order_by(ActiveWeeks.account_id)
        .limit(p("limit"))
    ),
)


class _Rest(ColumnBase):
    """What a division leaves: drivers of MySQL's kind take a single % for a parameter."""

    def __init__(self, of: Any, by: int) -> None:  # Any: any of Peewee's expressions
        self._of, self._by = of, by

    def __sql__(self, ctx: Context) -> Context:
        """Write it."""
        found: Context = ctx.sql(Expression(self._of, "%%" if ctx.state.quote == "``" else "%", self._by))
        return found


_since_monday_ms = Expression(ActiveWeeks.account_id, ">>", 22) + (ids.EPOCH_MS - MONDAY_MS)
_cohort = _since_monday_ms - _Rest(_since_monday_ms, WEEK_MS)
_cohorts = Statement(
    "audit_cohorts",
    lambda: (
        ActiveWeeks.select(_cohort, fn.COUNT(1))
        .where((ActiveWeeks.week_ms == p("week_ms")) & (ActiveWeeks.days > 0))
        .group_by(_cohort)
        .limit(p("limit"))
    ),
)
_retention = Statement(
    "audit_retention",
    lambda: (
        Retention.select(Retention.joined_ms, Retention.accounts)
        .where(Retention.week_ms == p("week_ms"))
        .limit(p("limit"))
    ),
)
_next_day = Statement(
    "next_day_of_weeks",
    lambda: ActiveAccounts.select(fn.MIN(ActiveAccounts.day_ms)).where(ActiveAccounts.day_ms >= p("low")),
)
_next_week = Statement(
    "next_active_week",
    lambda: ActiveWeeks.select(fn.MIN(ActiveWeeks.week_ms)).where(ActiveWeeks.week_ms >= p("low")),
)
_next_retention = Statement(
    "next_retention",
    lambda: Retention.select(fn.MIN(Retention.week_ms)).where(Retention.week_ms >= p("low")),
)
_ALL = 2**63 - 1
_COHORTS = 5_000
"""More than there are weeks from 2000 to 2069."""


def fetch_accounts(
    tx: Session, week_ms: int, after: int
) -> tuple[Mapping[int, int], Mapping[int, int], int | None]:
    """Return by account on how many days of a week it did something, and what its row says, of one page of accounts.

    Last comes the account to go on after; None at the end.
    """
    pages = [
        tx.all(_day, day_ms=week_ms + number * DAY_MS, after=after, limit=sources.PAGE) for number in range(7)
    ]
    rows = tx.all(_week, week_ms=week_ms, after=after, limit=sources.PAGE)
    last = min((page[-1][0] for page in [*pages, rows] if len(page) == sources.PAGE), default=_ALL)
    days = Counter(
        account_id
        for page in pages
        for account_id, uses, acts in page
        if account_id <= last and uses + acts > 0
    )
    said = {account_id: number for account_id, number in rows if account_id <= last}
    return days, said, None if last == _ALL else last


def count_cohorts(tx: Session, week_ms: int) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Return by the week they joined in how many accounts have rows of a week, and how many are said to have."""
    counted = tx.all(_cohorts, week_ms=week_ms, limit=_COHORTS)
    said = tx.all(_retention, week_ms=week_ms, limit=_COHORTS)
    return {int(row[0]) + MONDAY_MS: row[1] for row in counted}, {row[0]: row[1] for row in said}


def find_next(tx: Session, low_ms: int) -> int | None:
    """Return the first time from `low_ms` on of which there is a row of days, weeks or retention, or None."""
    rows: list[Row | None] = [tx.one(each, low=low_ms) for each in (_next_day, _next_week, _next_retention)]
    return min((row[0] for row in rows if row is not None and row[0] is not None), default=None)
