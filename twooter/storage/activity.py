"""Activity: who did something on which day and in which week, and how many of those who joined together still do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from twooter.domain import ids
from twooter.domain.windows import week_start
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import ActiveAccounts, ActiveWeeks, Retention

Place = tuple[int, int]
_STEP = 1_000
_ANY = 2**62
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
    mostly_new = _mostly_new(tx.insert(_add_days, rows, step=_STEP), rows)
    found, weeks = Appeared(), Counter[Place]()
    for amounts, keys in _by_amount(rows).items():
        by, total = amounts[0], sum(amounts)
        low, high = _bounds(by, outside=mostly_new)
        total_low, total_high = _bounds(total, outside=mostly_new)
        statement = _days_outside if mostly_new else _days_within
        given = {"low": low, "high": high, "total_low": total_low, "total_high": total_high}
        seen = {
            (day_ms, account_id): (_crossed(used, by), _crossed(used + acted, total))
            for day_ms, account_id, used, acted in _read(tx, statement, keys, given)
        }
        others = (_sign(by), _sign(total)) if mostly_new else (0, 0)
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
    mostly_new = _mostly_new(tx.insert(_add_weeks, rows, step=_STEP), rows)
    moved = Counter[Place]()
    for (by,), keys in _by_amount(rows).items():
        low, high = _bounds(by, outside=mostly_new)
        statement = _weeks_outside if mostly_new else _weeks_within
        seen = {
            (week_ms, account_id): _crossed(number, by)
            for week_ms, account_id, number in _read(tx, statement, keys, {"low": low, "high": high})
        }
        for key in keys if mostly_new else seen:
            moved[key[0], joined(key[1])] += seen.get(key, _sign(by))
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


def _by_amount(rows: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], list[Place]]:
    """Return the keys of rows by what they move by: rows are asked for by it, to tell which came from zero."""
    found: defaultdict[tuple[int, ...], list[Place]] = defaultdict(list)
    for first, account_id, *amounts in rows:
        found[tuple(amounts)].append((first, account_id))
    return dict(sorted(found.items()))


def _mostly_new(changed: int, rows: Sequence[tuple[int, ...]]) -> bool:
    """Guess whether most rows are new: MySQL counts a new one once and a changed one twice."""
    return changed < 1.5 * len(rows)


def _bounds(by: int, *, outside: bool) -> tuple[int, int]:
    """Return between which values a sum is now if it crossed zero when it moved; what did not move is not asked for."""
    if by > 0:
        return 1, by
    if by < 0:
        return by + 1, 0
    return (-_ANY, _ANY) if outside else (1, 0)


def _crossed(now: int, by: int) -> int:
    """Return 1 where a sum came from zero or below, -1 where it went there, and else 0."""
    return (now > 0) - (now - by > 0)


def _sign(by: int) -> int:
    return (by > 0) - (by < 0)


def _read(
    tx: Session, statement: Statement, keys: Sequence[Place], given: Mapping[str, int]
) -> Iterable[Row]:
    for at in range(0, len(keys), _STEP):
        yield from tx.all(statement, keys=keys[at : at + _STEP], **given)
