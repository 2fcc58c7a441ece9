"""Where the next rows begin: an audit of many years jumps over those in which nothing happened."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import fn

from twooter.domain import ids
from twooter.domain.windows import Unit
from twooter.storage import act_sources
from twooter.storage.database import Session
from twooter.storage.statements import Statement, p
from twooter.storage.tables import Accounts, ActiveAccounts, HashtagWindows, Twoots, Windows

_SHARD = "an audit goes over the shard it is connected to"

_twoot = Statement(
    "next_twoot", lambda: Twoots.select(fn.MIN(Twoots.id)).where(Twoots.id >= p("low")), scatter=_SHARD
)
_account = Statement(
    "next_account",
    lambda: Accounts.select(fn.MIN(Accounts.id)).where(Accounts.id >= p("low")),
    scatter=_SHARD,
)
_active = Statement(
    "next_active_day",
    lambda: ActiveAccounts.select(fn.MIN(ActiveAccounts.day_ms)).where(ActiveAccounts.day_ms >= p("low")),
)
_window = Statement(
    "next_window",
    lambda: Windows.select(fn.MIN(Windows.start_ms)).where(
        (Windows.unit == p("unit")) & (Windows.start_ms >= p("low"))
    ),
)
_hashtag_window = Statement(
    "next_hashtag_window",
    lambda: HashtagWindows.select(fn.MIN(HashtagWindows.start_ms)).where(
        (HashtagWindows.unit == p("unit")) & (HashtagWindows.start_ms >= p("low"))
    ),
)


def find_next(tx: Session, low_ms: int, since: Sequence[tuple[Unit, int]]) -> int | None:
    """Return the first time from `low_ms` on at which there is a row of the source or of windows, or None.

    `since` are the units of windows that count, each from a time on.
    """
    first_id = max(ids.first_at(low_ms), ids.IMPORTED_ID + 1)
    found = [
        *(ids.time_ms(id_) for id_ in _next_ids(tx, first_id) if id_),
        _value(tx, _active, low_ms),
    ]
    for unit, since_ms in since:
        for statement in (_window, _hashtag_window):
            row = tx.one(statement, unit=int(unit), low=max(low_ms, since_ms))
            found.append(row[0] if row is not None else None)
    return min((time_ms for time_ms in found if time_ms is not None), default=None)


def find_next_window(tx: Session, unit: Unit, low_ms: int) -> int | None:
    """Return the start of the first window of a unit from a time on, of the instance or of a hashtag, or None."""
    rows = (tx.one(statement, unit=int(unit), low=low_ms) for statement in (_window, _hashtag_window))
    return min((row[0] for row in rows if row is not None and row[0] is not None), default=None)


def _next_ids(tx: Session, low: int) -> tuple[int | None, ...]:
    return _value(tx, _twoot, low), _value(tx, _account, low), act_sources.find_next(tx, low)


def _value(tx: Session, statement: Statement, low: int) -> int | None:
    row = tx.one(statement, low=low)
    return None if row is None else row[0]
