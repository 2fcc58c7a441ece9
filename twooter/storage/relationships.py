"""Relationships: all that one account says of others, and what they say of it that it may know; in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import peewee
from peewee import SQL

from twooter.domain.graph import State
from twooter.domain.relationships import Relationship
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import AccountNotes, Blocks, Followers, Following, Mutes

_FOLLOWING, _FOLLOWERS, _BLOCKING, _BLOCKED_BY, _MUTING, _NOTE = range(6)


def _arm(
    what: int, other: peewee.Field, condition: peewee.Expression, *, said: Any = None, until: Any = None
) -> peewee.SelectBase:
    """Return a query of (what it tells, the other account, a word, a time)."""
    query: peewee.SelectBase = other.model.select(
        SQL(str(what)), other, SQL("''") if said is None else said, SQL("0") if until is None else until
    ).where(condition & other.in_(each("ids")))
    return query


def _everything() -> peewee.Query:
    viewer = p("viewer_id")
    held = Mutes.until_ms.is_null() | (Mutes.until_ms > p("now_ms"))
    arms = (
        _arm(_FOLLOWING, Following.target_id, Following.account_id == viewer, said=Following.state),
        _arm(_FOLLOWERS, Followers.follower_id, Followers.account_id == viewer, said=Followers.state),
        _arm(_BLOCKING, Blocks.target_id, Blocks.account_id == viewer),
        _arm(_BLOCKED_BY, Blocks.account_id, Blocks.target_id == viewer),
        _arm(_MUTING, Mutes.target_id, (Mutes.account_id == viewer) & held, until=Mutes.until_ms),
        _arm(_NOTE, AccountNotes.target_id, AccountNotes.account_id == viewer, said=AccountNotes.text),
    )
    whole = arms[0]
    for arm in arms[1:]:
        whole = whole.union_all(arm)
    return whole


_all = Statement("relationships", _everything)
_put_note = Insert("note_put", AccountNotes, ("account_id", "target_id", "text"), duplicate={"text": "set"})
_remove_notes = Statement(
    "note_remove",
    lambda: AccountNotes.delete().where(
        (AccountNotes.account_id == p("account_id")) & AccountNotes.target_id.in_(each("ids"))
    ),
)

_notes = Statement(
    "notes_page",
    lambda: (
        AccountNotes.select(AccountNotes.target_id, AccountNotes.text)
        .where((AccountNotes.account_id == p("account_id")) & (AccountNotes.target_id > p("after")))
        .order_by(AccountNotes.target_id)
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a viewer stands to others, by their ids, and which of them block it."""

    relationships: dict[int, Relationship]
    blocked_by: frozenset[int]


def fetch(tx: Session, viewer_id: int, ids: Sequence[int], now_ms: int) -> Standing:
    """Return how a viewer stands to each of some accounts, whether they exist or not."""
    told: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    blocked_by = set()
    for what, other, said, until in tx.all(_all, viewer_id=viewer_id, ids=ids, now_ms=now_ms) if ids else ():
        if what == _BLOCKED_BY:
            blocked_by.add(other)
        else:
            told[other] |= _told(what, said, until)
    return Standing({id_: Relationship(id_, **told[id_]) for id_ in ids}, frozenset(blocked_by))


def _told(what: int, said: str, until: int | None) -> dict[str, Any]:
    """Return the fields of a relationship that one row fills."""
    if what == _FOLLOWING:
        return {"following": said == State.ACTIVE.value, "requested": said == State.REQUESTED.value}
    if what == _FOLLOWERS:
        return {"followed_by": said == State.ACTIVE.value, "requested_by": said == State.REQUESTED.value}
    if what == _MUTING:
        return {"muting": True, "muted_until_ms": until}
    return {"blocking": True} if what == _BLOCKING else {"note": said}


def put_note(tx: Session, account_id: int, target_id: int, note: str) -> None:
    """Write what an account notes about another."""
    tx.insert(_put_note, [(account_id, target_id, note)])


def remove_notes(tx: Session, account_id: int, target_ids: Sequence[int]) -> None:
    """Remove an account's notes about others."""
    tx.run(_remove_notes, account_id=account_id, ids=target_ids)


def fetch_notes(tx: Session, account_id: int, after: int, limit: int) -> list[tuple[int, str]]:
    """Return (account, note) of what an account noted about others, in the order of their ids, above one of them."""
    return [(row[0], row[1]) for row in tx.all(_notes, account_id=account_id, after=after, limit=limit)]
