"""Transfers at the account they are of: how far they have come, and the parts they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import peewee

from twooter.domain.pages import Page
from twooter.domain.transfers import Kind, State, Transfer
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import TransferParts, Transfers
from twooter.storage.twoots import NEWEST

MAX_PART_BYTES = 1_048_576
PARTS_AT_ONCE = 8
"""Parts that one transaction removes."""

_COLUMNS = ("account_id", "kind", "id", "state", "steps", "failures", "items", "size", "position")
_TIMES = ("ended_ms", "expires_ms")
_FIELDS = tuple(getattr(Transfers, name) for name in (*_COLUMNS, *_TIMES))
_of_kind = (Transfers.account_id == p("account_id")) & (Transfers.kind == p("kind"))
_part = (TransferParts.account_id == p("account_id")) & (TransferParts.transfer_id == p("transfer_id"))
_SHARD = "looks for work on the shard it is connected to, by an index of times"

_insert = Insert("transfer_insert", Transfers, (*_COLUMNS, *_TIMES, "slot", "worked_ms"))
_find = Statement("transfer", lambda: Transfers.select(*_FIELDS).where(_of_kind & (Transfers.id == p("id"))))
_running = Statement(
    "transfer_running", lambda: Transfers.select(*_FIELDS).where(_of_kind & (Transfers.slot == 0))
)
_move = Statement(
    "transfer_move",
    lambda: Transfers.update(
        state=p("state"),
        steps=Transfers.steps + 1,
        items=p("items"),
        size=p("size"),
        position=p("position"),
        slot=p("slot"),
        worked_ms=p("worked_ms"),
        ended_ms=p("ended_ms"),
        expires_ms=p("expires_ms"),
    ).where(_of_kind & (Transfers.id == p("id")) & (Transfers.slot == 0) & (Transfers.steps == p("steps"))),
)
_touch = Statement(
    "transfer_touch",
    lambda: Transfers.update(worked_ms=p("now_ms"), failures=Transfers.failures + p("failures")).where(
        _of_kind & (Transfers.id == p("id")) & (Transfers.slot == 0)
    ),
)
# as if it had expired: the row stays for who asks again, until the sweep
_leave = Statement(
    "transfer_leave",
    lambda: Transfers.update(
        state=p("state"), slot=Transfers.id, worked_ms=None, ended_ms=p("now_ms"), expires_ms=p("now_ms")
    ).where(_of_kind & (Transfers.id == p("id"))),
)
_remove = Statement("transfer_remove", lambda: Transfers.delete().where(_of_kind & (Transfers.id == p("id"))))


def _pages(*, after: bool) -> peewee.Query:
    bound = Transfers.id > p("after") if after else Transfers.id < p("before")
    order = Transfers.id if after else Transfers.id.desc()
    held = Transfers.expires_ms.is_null() | (Transfers.expires_ms > p("now_ms"))
    return Transfers.select(*_FIELDS).where(_of_kind & bound & held).order_by(order).limit(p("limit"))


_page = Statement("transfers_page", lambda: _pages(after=False))
_page_after = Statement("transfers_page_after", lambda: _pages(after=True))
_idle = Statement(
    "transfers_idle",
    lambda: (
        Transfers.select(*_FIELDS)
        .where(Transfers.worked_ms < p("before_ms"))
        .order_by(Transfers.worked_ms)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_expired = Statement(
    "transfers_expired",
    lambda: (
        Transfers.select(*_FIELDS)
        .where(Transfers.expires_ms < p("before_ms"))
        .order_by(Transfers.expires_ms)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_some = Statement(
    "transfers_of_account",
    lambda: Transfers.select(*_FIELDS).where(Transfers.account_id == p("account_id")).limit(1),
)
_insert_part = Insert("transfer_part_insert", TransferParts, ("account_id", "transfer_id", "place", "data"))
_set_part = Statement(
    "transfer_part_set",
    lambda: TransferParts.update(data=p("data")).where(_part & (TransferParts.place == p("place"))),
)
_part_at = Statement(
    "transfer_part_at",
    lambda: (
        TransferParts.select(TransferParts.place, TransferParts.data)
        .where(_part & (TransferParts.place <= p("place")))
        .order_by(TransferParts.place.desc())
        .limit(1)
    ),
)
_parts_at = Statement(
    "transfer_parts_at",
    lambda: TransferParts.select(TransferParts.place, TransferParts.data).where(
        _part & TransferParts.place.in_(each("places"))
    ),
)
_places = Statement(
    "transfer_part_places",
    lambda: (
        TransferParts.select(TransferParts.place).where(_part).order_by(TransferParts.place).limit(p("limit"))
    ),
)
_remove_parts = Statement(
    "transfer_parts_remove",
    lambda: TransferParts.delete().where(_part & TransferParts.place.in_(each("places"))),
)


def _transfer(row: Row) -> Transfer:
    account_id, kind, id_, state, steps, failures, items, size, position, ended_ms, expires_ms = row
    told: dict[str, Any] = orjson.loads(position)
    counts = (steps, failures, items, size)
    return Transfer(account_id, Kind(kind), id_, State(state), *counts, told, ended_ms, expires_ms)


def _given(transfer: Transfer) -> dict[str, Any]:
    return {"account_id": transfer.account_id, "kind": int(transfer.kind), "id": transfer.id}


def insert(tx: Session, transfer: Transfer, now_ms: int) -> None:
    """Write a new transfer; none of its kind is running."""
    packed = orjson.dumps(transfer.position).decode()
    numbers = (transfer.steps, transfer.failures, transfer.items, transfer.size)
    ends = (transfer.ended_ms, transfer.expires_ms)
    key = (transfer.account_id, int(transfer.kind), transfer.id)
    tx.insert(_insert, [(*key, transfer.state.value, *numbers, packed, *ends, 0, now_ms)])


def find(tx: Session, account_id: int, kind: Kind, id_: int) -> Transfer | None:
    """Return a transfer, or None."""
    row = tx.one(_find, account_id=account_id, kind=int(kind), id=id_)
    return None if row is None else _transfer(row)


def find_running(tx: Session, account_id: int, kind: Kind) -> Transfer | None:
    """Return an account's running transfer of a kind, or None."""
    row = tx.one(_running, account_id=account_id, kind=int(kind))
    return None if row is None else _transfer(row)


def fetch(tx: Session, account_id: int, kind: Kind, page: Page, now_ms: int) -> list[Transfer]:
    """Return one page of an account's transfers that have not expired, in reading order, and one more."""
    given = {"account_id": account_id, "kind": int(kind), "limit": page.limit + 1, "now_ms": now_ms}
    if page.after is not None:
        return [_transfer(row) for row in tx.all(_page_after, after=page.after, **given)]
    return [_transfer(row) for row in tx.all(_page, before=page.before or NEWEST, **given)]


def move(tx: Session, before: Transfer, after: Transfer, now_ms: int) -> bool:
    """Take a step from what was read; return False when somebody else has, or the transfer has ended or gone."""
    is_running = after.state is State.RUNNING
    given = _given(before) | {
        "steps": before.steps,
        "state": after.state.value,
        "items": after.items,
        "size": after.size,
        "position": orjson.dumps(after.position).decode(),
        "slot": 0 if is_running else after.id,
        "worked_ms": now_ms if is_running else None,
        "ended_ms": after.ended_ms,
        "expires_ms": after.expires_ms,
    }
    return tx.run(_move, **given) == 1


def touch(tx: Session, transfer: Transfer, now_ms: int, *, failures: int = 0) -> None:
    """Note that a running transfer was looked at now, and how often that failed."""
    tx.run(_touch, **_given(transfer), now_ms=now_ms, failures=failures)


def leave(tx: Session, transfer: Transfer, now_ms: int) -> None:
    """Leave a transfer to the sweep; nobody works on it or finds it any more."""
    state = State.FAILED if transfer.state is State.RUNNING else transfer.state
    tx.run(_leave, **_given(transfer), state=state.value, now_ms=now_ms)


def fetch_idle(tx: Session, before_ms: int, limit: int) -> list[Transfer]:
    """Return running transfers that nobody has looked at since a time, the longest first."""
    return [_transfer(row) for row in tx.all(_idle, before_ms=before_ms, limit=limit)]


def fetch_expired(tx: Session, before_ms: int, limit: int) -> list[Transfer]:
    """Return transfers that expired before a time, the longest first."""
    return [_transfer(row) for row in tx.all(_expired, before_ms=before_ms, limit=limit)]


def insert_part(tx: Session, transfer: Transfer, place: int, data: bytes) -> None:
    """Add a part, at most `MAX_PART_BYTES`."""
    tx.insert(_insert_part, [(transfer.account_id, transfer.id, place, data)])


def set_part(tx: Session, transfer: Transfer, place: int, data: bytes) -> None:
    """Change a part."""
    tx.run(_set_part, account_id=transfer.account_id, transfer_id=transfer.id, place=place, data=bytes(data))


def find_part(tx: Session, transfer: Transfer, place: int) -> tuple[int, bytes] | None:
    """Return the part that begins at a place, or before it: (where, what)."""
    row = tx.one(_part_at, account_id=transfer.account_id, transfer_id=transfer.id, place=place)
    return None if row is None else (row[0], bytes(row[1]))


def fetch_parts(tx: Session, transfer: Transfer, places: Sequence[int]) -> dict[int, bytes]:
    """Return the parts that begin at some places, by these."""
    if not places:
        return {}
    given = {"account_id": transfer.account_id, "transfer_id": transfer.id, "places": places}
    return {row[0]: bytes(row[1]) for row in tx.all(_parts_at, **given)}


def remove_parts(tx: Session, transfer: Transfer) -> bool:
    """Remove some of a transfer's parts; return whether that were all."""
    given = {"account_id": transfer.account_id, "transfer_id": transfer.id}
    places = [row[0] for row in tx.all(_places, limit=PARTS_AT_ONCE, **given)]
    if places:
        tx.run(_remove_parts, places=places, **given)
    return len(places) < PARTS_AT_ONCE


def remove_some(tx: Session, transfer: Transfer) -> bool:
    """Remove some of a transfer's parts, and the transfer with its last; return whether that is done."""
    if not remove_parts(tx, transfer):
        return False
    tx.run(_remove, **_given(transfer))
    return True


def remove_some_of(tx: Session, account_id: int) -> int:
    """Remove some of what an account transfers, whatever its state; return 0 when nothing is left."""
    row = tx.one(_some, account_id=account_id)
    if row is None:
        return 0
    remove_some(tx, _transfer(row))
    return 1
