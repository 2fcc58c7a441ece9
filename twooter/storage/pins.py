"""Pins: the few twoots an account shows first; what is pinned and gone since stays until the next pin."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import JOIN

from twooter.domain.accounts import State
from twooter.domain.actions import MAX_PINS
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Accounts, Pins, Twoots

_insert = Insert("pin_insert", Pins, ("account_id", "twoot_id", "pinned_ms"), duplicate="ignore")
_held = Statement(
    "pins_held",
    lambda: (
        Accounts.select(Pins.twoot_id, Twoots.id)
        .join(Pins, JOIN.LEFT_OUTER, on=(Pins.account_id == Accounts.id))
        .join_from(
            Pins,
            Twoots,
            JOIN.LEFT_OUTER,
            on=((Twoots.author_id == Pins.account_id) & (Twoots.id == Pins.twoot_id)),
        )
        .where((Accounts.id == p("account_id")) & (Accounts.state == State.ACTIVE.value))
    ),
    lock="FOR UPDATE",
)
_fetch = Statement(
    "pins_of_account",
    lambda: (
        Pins.select(Pins.twoot_id)
        .where(Pins.account_id == p("account_id"))
        .order_by(Pins.pinned_ms.desc(), Pins.twoot_id.desc())
        .limit(MAX_PINS)
    ),
)
_remove = Statement(
    "pins_remove",
    lambda: Pins.delete().where((Pins.account_id == p("account_id")) & Pins.twoot_id.in_(each("ids"))),
)
_remove_all = Statement("pins_remove_all", lambda: Pins.delete().where(Pins.account_id == p("account_id")))


def hold(tx: Session, account_id: int) -> dict[int, bool] | None:
    """Lock an account and return what it has pinned, each with whether it is there; None when it takes no part."""
    rows = tx.all(_held, account_id=account_id)
    if not rows:
        return None
    return {pinned: there is not None for pinned, there in rows if pinned is not None}


def fetch(tx: Session, account_id: int) -> list[int]:
    """Return the ids of what an account has pinned, the last pinned first."""
    return [row[0] for row in tx.all(_fetch, account_id=account_id)]


def insert(tx: Session, account_id: int, twoot_id: int, pinned_ms: int) -> None:
    """Pin a twoot; what is pinned stays where it is."""
    tx.insert_later(_insert, [(account_id, twoot_id, pinned_ms)])


def remove(tx: Session, account_id: int, twoot_ids: Sequence[int]) -> None:
    """Take pins back."""
    if twoot_ids:
        tx.run(_remove, account_id=account_id, ids=twoot_ids)


def remove_all(tx: Session, account_id: int) -> None:
    """Take all of an account's pins back."""
    tx.run(_remove_all, account_id=account_id)
