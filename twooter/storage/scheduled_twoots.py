"""Scheduled twoots at their authors: kept as drafts, found by when they are due, taken by whoever publishes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from peewee import fn

from twooter.domain.polls import Poll
from twooter.domain.scheduled_twoots import Refusal, ScheduledTwoot
from twooter.domain.twoots import Draft, Visibility
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import ScheduledTwoots

_COLUMNS = ("id", "account_id", "at_ms", "draft", "version", "tries", "refused", "idempotency_key")
_FIELDS = tuple(getattr(ScheduledTwoots, name) for name in _COLUMNS)
_SHARD = "a sweep of the shard it is connected to, by an index of times"
_this = (ScheduledTwoots.account_id == p("account_id")) & (ScheduledTwoots.id == p("id"))

_insert = Insert("scheduled_insert", ScheduledTwoots, (*_COLUMNS, "due_ms"))
_count = Statement(
    "scheduled_count",
    lambda: ScheduledTwoots.select(fn.COUNT(ScheduledTwoots.id)).where(
        ScheduledTwoots.account_id == p("account_id")
    ),
)
_all = Statement(
    "scheduled",
    lambda: (
        ScheduledTwoots.select(*_FIELDS)
        .where(ScheduledTwoots.account_id == p("account_id"))
        .order_by(ScheduledTwoots.id)
        .limit(p("limit"))
    ),
)
_find = Statement("scheduled_find", lambda: ScheduledTwoots.select(*_FIELDS).where(_this))
_some = Statement(
    "scheduled_some",
    lambda: ScheduledTwoots.select(*_FIELDS).where(
        (ScheduledTwoots.account_id == p("account_id")) & ScheduledTwoots.id.in_(each("ids"))
    ),
)
_change = Statement(
    "scheduled_change",
    lambda: ScheduledTwoots.update(
        version=ScheduledTwoots.version + 1,
        at_ms=p("at_ms"),
        draft=p("draft"),
        tries=p("tries"),
        due_ms=p("due_ms"),
        refused=p("refused"),
    ).where(_this & (ScheduledTwoots.version == p("version"))),
)
_cancel = Statement("scheduled_cancel", lambda: ScheduledTwoots.delete().where(_this))
_take = Statement(
    "scheduled_take",
    lambda: ScheduledTwoots.delete().where(_this & (ScheduledTwoots.version == p("version"))),
)
_due = Statement(
    "scheduled_due",
    lambda: (
        ScheduledTwoots.select(*_FIELDS)
        .where(ScheduledTwoots.due_ms <= p("now_ms"))
        .order_by(ScheduledTwoots.due_ms)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_longest_due = Statement(
    "scheduled_longest_due",
    lambda: ScheduledTwoots.select(fn.MIN(ScheduledTwoots.due_ms)),
    scatter="since when a shard's sweep is late",
)


def insert(tx: Session, value: ScheduledTwoot) -> None:
    """Write a new one."""
    row = (
        value.id,
        value.account_id,
        value.at_ms,
        _packed(value.draft),
        value.version,
        value.tries,
        None,
        value.idempotency_key,
    )
    tx.insert(_insert, [(*row, value.at_ms)])


def count(tx: Session, account_id: int) -> int:
    """Return how many an account has."""
    row = tx.one(_count, account_id=account_id)
    return 0 if row is None else int(row[0])


def fetch(tx: Session, account_id: int, limit: int) -> list[ScheduledTwoot]:
    """Return those of an account, in the order they were made."""
    return [_scheduled(row) for row in tx.all(_all, account_id=account_id, limit=limit)]


def find(tx: Session, account_id: int, id_: int) -> ScheduledTwoot | None:
    """Return one of an account's, None where it has none with that id."""
    row = tx.one(_find, account_id=account_id, id=id_)
    return None if row is None else _scheduled(row)


def fetch_some(tx: Session, account_id: int, ids: Sequence[int]) -> dict[int, ScheduledTwoot]:
    """Return by their ids those of an account's that are there; no query without ids."""
    rows = tx.all(_some, account_id=account_id, ids=ids) if ids else []
    return {row[0]: _scheduled(row) for row in rows}


def change(tx: Session, value: ScheduledTwoot, due_ms: int) -> bool:
    """Write what one of this version has become; return False when it is of another one now, or gone."""
    refused = None if value.refusal is None else orjson.dumps(value.refusal).decode()
    given = {"at_ms": value.at_ms, "draft": _packed(value.draft), "tries": value.tries, "refused": refused}
    key = {"account_id": value.account_id, "id": value.id, "version": value.version}
    return tx.run(_change, **key, **given, due_ms=due_ms) == 1


def cancel(tx: Session, account_id: int, id_: int) -> bool:
    """Delete one in whatever version; return False when there is none (any more)."""
    return tx.run(_cancel, account_id=account_id, id=id_) == 1


def take(tx: Session, value: ScheduledTwoot) -> bool:
    """Delete one of this version, in the transaction that publishes it; return False when somebody else has."""
    return tx.run(_take, account_id=value.account_id, id=value.id, version=value.version) == 1


def fetch_due(tx: Session, now_ms: int, limit: int) -> list[ScheduledTwoot]:
    """Return some whose time has come, of all accounts, the longest due first."""
    return [_scheduled(row) for row in tx.all(_due, now_ms=now_ms, limit=limit)]


def find_longest_due(tx: Session) -> int | None:
    """Return when the one of all that is due first was or will be so, None without any."""
    row = tx.one(_longest_due)
    return None if row is None else row[0]


def _scheduled(row: Row) -> ScheduledTwoot:
    id_, account_id, at_ms, draft, version, tries, refused, key = row
    refusal = None if refused is None else Refusal(**orjson.loads(refused))
    return ScheduledTwoot(id_, account_id, at_ms, _unpacked(draft), version, tries, refusal, key)


def _packed(draft: Draft) -> str:
    return orjson.dumps(draft).decode()


def _unpacked(packed: str) -> Draft:
    """Return a draft, of whichever version wrote it: what this one does not know is passed over."""
    found: dict[str, Any] = orjson.loads(packed)  # Any: JSON values
    given = {name: found[name] for name in Draft.__slots__ if name in found}
    if (poll := given.get("poll")) is not None:
        given["poll"] = Poll(tuple(poll["options"]), poll["multiple"], poll["ends_ms"])
    return Draft(**{**given, "visibility": Visibility(given["visibility"])})
