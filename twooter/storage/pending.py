"""Events a consumer has not applied yet: in the outbox, in batches on their way, and parked."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from peewee import JOIN

from twooter.storage.database import Session
from twooter.storage.outbox import PENDING, Packed
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import Batches, Deliveries, Ledger, Outbox, ParkedEvents

_PAGE = 1_000
_BATCHES_AT_ONCE = 10

_outbox = Statement(
    "pending_outbox",
    lambda: (
        Outbox.select(Outbox.id, Outbox.event).where(Outbox.id > p("after")).order_by(Outbox.id).limit(_PAGE)
    ),
    scatter="an audit goes over the shard it is connected to",
)
_unapplied = Statement(
    "pending_batches",
    lambda: (
        Deliveries.select(Deliveries.batch_id)
        .join(
            Ledger,
            JOIN.LEFT_OUTER,
            on=((Ledger.batch_id == Deliveries.batch_id) & (Ledger.consumer == Deliveries.consumer)),
        )
        .where(
            (Deliveries.state == PENDING)
            & (Deliveries.consumer == p("consumer"))
            & (Deliveries.batch_id > p("after"))
            & Ledger.batch_id.is_null()
        )
        .order_by(Deliveries.batch_id)
        .limit(_PAGE)
    ),
)
_payloads = Statement(
    "pending_payloads", lambda: Batches.select(Batches.id, Batches.payload).where(Batches.id.in_(each("ids")))
)
_parked = Statement(
    "pending_parked",
    lambda: (
        ParkedEvents.select(ParkedEvents.batch_id, ParkedEvents.position, ParkedEvents.event)
        .where(
            (ParkedEvents.consumer == p("consumer"))
            & (
                (ParkedEvents.batch_id > p("after"))
                | ((ParkedEvents.batch_id == p("after")) & (ParkedEvents.position > p("after_position")))
            )
        )
        .order_by(ParkedEvents.batch_id, ParkedEvents.position)
        .limit(_PAGE)
    ),
)


def fetch(tx: Session, consumer: str) -> Iterator[Packed]:
    """Yield packed events that a consumer has not applied, those of other consumers among them; in pages."""
    yield from _waiting(tx)
    yield from _sealed(tx, consumer)
    yield from _set_aside(tx, consumer)


def _waiting(tx: Session) -> Iterator[Packed]:
    after = 0
    while rows := tx.all(_outbox, after=after):
        after = rows[-1][0]
        yield from (_load(row[1]) for row in rows)


def _sealed(tx: Session, consumer: str) -> Iterator[Packed]:
    after = 0
    while rows := tx.all(_unapplied, consumer=consumer, after=after):
        ids = [row[0] for row in rows]
        after = ids[-1]
        for at in range(0, len(ids), _BATCHES_AT_ONCE):
            for _, payload in tx.all(_payloads, ids=ids[at : at + _BATCHES_AT_ONCE]):
                yield from orjson.loads(bytes(payload))


def _set_aside(tx: Session, consumer: str) -> Iterator[Packed]:
    after, position = 0, -1
    while rows := tx.all(_parked, consumer=consumer, after=after, after_position=position):
        after, position = rows[-1][0], rows[-1][1]
        yield from (_load(row[2]) for row in rows)


def _load(event: bytes) -> Packed:
    try:
        return orjson.loads(bytes(event))
    except ValueError:
        return None  # what is no JSON is no event either
