"""Activity: who did something on which day and in which week, and how many of those who joined together still do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from twooter.domain import ids
from twooter.domain.windows import week_start
from twooter.storage import crossings
from twooter.storage.crossings import Numbers, crossed, sign
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import ActiveAccounts, ActiveWeeks, Retention

Place = tuple[int, int]
_STEP = 1_000
_MAX_POINTS = 5_000
_total = ActiveAccounts.uses + ActiveAccounts.acts

_add_days = Insert(
    "active_accounts_add",
    ActiveAccounts,
    ("day_ms", "account_id", "uses", "acts"),
    duplicate={"uses": "add", "acts": "add"},
    numbers=True,
)
_days_within = Statement(
    "active_accounts_within",
    lambda: ActiveAccounts.select(
        ActiveAccounts.day_ms, ActiveAccounts.account_id, ActiveAccounts.uses, ActiveAccounts.acts
    ).where(
        in_rows((ActiveAccounts.day_ms, ActiveAccounts.account_id), "keys")
        & (ActiveAccounts.uses.between(p("low"), p("high")) | _total.between(p("total_low"), p("total_high")))
    ),
)
_days_outside = Statement(
    "active_accounts_outside",
    lambda: ActiveAccounts.select(
        ActiveAccounts.day_ms, ActiveAccounts.account_id, ActiveAccounts.uses, ActiveAccounts.acts
    ).where(
        in_rows((ActiveAccounts.day_ms, ActiveAccounts.account_id), "keys")
        & (
            (ActiveAccounts.uses < p("low"))
            | (ActiveAccounts.uses > p("high"))
            | (_total < p("total_low"))
            | (_total > p("total_high"))
        )
    ),
)
_add_weeks = Insert(
    "active_weeks_add",
    ActiveWeeks,
    ("week_ms", "account_id", "days"),
    duplicate={"days": "add"},
    numbers=True,
)
_weeks_within = Statement(
    "active_weeks_within",
    lambda: ActiveWeeks.select(ActiveWeeks.week_ms, ActiveWeeks.account_id, ActiveWeeks.days).where(
        in_rows((ActiveWeeks.week_ms, ActiveWeeks.account_id), "keys")
        & ActiveWeeks.days.between(p("low"), p("high"))
    ),
)
_weeks_outside = Statement(
    "active_weeks_outside",
    lambda: ActiveWeeks.select(ActiveWeeks.week_ms, ActiveWeeks.account_id, ActiveWeeks.days).where(
        in_rows((ActiveWeeks.week_ms, ActiveWeeks.account_id), "keys")
        & ((ActiveWeeks.days < p("low")) | (ActiveWeeks.days > p("high")))
    ),
)
_add_retention = Insert(
    "retention_add",
    Retention,
    ("week_ms", "joined_ms", "accounts"),
    duplicate={"accounts": "add"},
    numbers=True,
)

_retention = Statement(
    "retention_cells",
    lambda: Retention.select(Retention.week_ms, Retention.joined_ms, Retention.accounts).where(
        Retention.week_ms.in_(each("weeks")) & Retention.joined_ms.in_(each("cohorts"))
    ),
)


@dataclass(slots=True)
class Appeared:
    """How many accounts appeared on days, less those that went: as writers, and as participants of any kind."""

    active: Counter[int] = field(default_factory=Counter)
    participants: Counter[int] = field(default_factory=Counter)


def move(tx: Session, uses: Mapping[Place, int], acts: Mapping[Place, int]) -> Appeared:
    """Add twoots and acts by (day, account), and move weeks and retention with the days that began or ended.

    Rows stay locked from the upsert to the commit, so what is read after it tells what was there before.
    """
    rows = [
        (*key, uses.get(key, 0), acts.get(key, 0))
        for key in sorted(uses.keys() | acts.keys())
        if uses.get(key) or acts.get(key)
    ]
    mostly_new = crossings.add(tx, _add_days, rows)
    found, weeks = Appeared(), Counter[Place]()
    for ((by, acted), keys), answer in crossings.ask(
        tx,
        _days_outside if mostly_new else _days_within,
        crossings.parts(rows, 2),
        partial(_bounds_of_day, outside=mostly_new),
    ):
        total = by + acted
        seen: dict[Numbers, tuple[int, int]] = {
            (day_ms, account_id): (crossed(used, by), crossed(used + acted, total))
            for day_ms, account_id, used, acted in answer
        }
        others = (sign(by), sign(total)) if mostly_new else (0, 0)
        for key in keys if mostly_new else seen:
            posted, present = seen.get(key, others)
            found.active[key[0]] += posted
            found.participants[key[0]] += present
            weeks[week_start(key[0]), key[1]] += present
    move_weeks(tx, weeks)
    return found


def move_weeks(tx: Session, days: Mapping[Place, int]) -> None:
    """Add days by (week, account), and count those who appear in a week, or go, among those who joined with them."""
    rows = sorted((*key, by) for key, by in days.items() if by and key[1] > ids.IMPORTED_ID)
    if not rows:
        return
    mostly_new = crossings.add(tx, _add_weeks, rows)
    moved = Counter[Place]()
    for ((by,), keys), answer in crossings.ask(
        tx,
        _weeks_outside if mostly_new else _weeks_within,
        crossings.parts(rows, 2),
        partial(crossings.bounds, outside=mostly_new),
    ):
        seen: dict[Numbers, int] = {
            (week_ms, account_id): crossed(number, by) for week_ms, account_id, number in answer
        }
        for key in keys if mostly_new else seen:
            moved[key[0], joined(key[1])] += seen.get(key, sign(by))
    add_retention(tx, moved)


def add_retention(tx: Session, accounts: Mapping[Place, int]) -> None:
    """Add accounts by (week, week in which they joined)."""
    tx.insert_later(_add_retention, sorted((*key, by) for key, by in accounts.items() if by), step=_STEP)


def fetch_retention(tx: Session, weeks: Sequence[int], cohorts: Sequence[int]) -> dict[Place, int]:
    """Return accounts by (week, week in which they joined); reads points of the key, 5,000 in a statement."""
    step = max(1, _MAX_POINTS // len(cohorts))
    parts = (list(weeks[at : at + step]) for at in range(0, len(weeks), step))
    return {
        (row[0], row[1]): row[2] for part in parts for row in tx.all(_retention, weeks=part, cohorts=cohorts)
    }


def joined(account_id: int) -> int:
    """Return the start of the week in which an account joined: its id was made then."""
    return week_start(ids.time_ms(account_id))


def _bounds_of_day(moved: Numbers, *, outside: bool) -> dict[str, int]:
    low, high = crossings.between(moved[0], outside=outside)
    total_low, total_high = crossings.between(sum(moved), outside=outside)
    return {"low": low, "high": high, "total_low": total_low, "total_high": total_high}
