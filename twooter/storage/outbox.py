"""The outbox: events in their account's transaction, sealed into batches, delivered to each consumer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import peewee
from peewee import fn

from twooter.domain import events
from twooter.domain.accounts import State
from twooter.domain.events import Envelope
from twooter.errors import NotFound
from twooter.storage.database import Session
from twooter.storage.failures import is_null_refused
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import Accounts, Batches, Deliveries, Ledger, Outbox, ParkedEvents

Packed = Any  # JSON, as `domain.events.pack` makes it; whatever a broken row holds when it is a poisoned one
MAX_BATCH = 1_000
"""An event costs a sixth less in a batch of a thousand than in one of five hundred; more would hold rows for long."""
MAX_RESEND_FACTOR = 8
MAX_COUNTED = 100_000
"""Waiting rows that are looked at to tell how many there are."""
PENDING, DONE, PARKED = "pending", "done", "parked"

_append = Insert("outbox_append", Outbox, ("id", "account_id", "event"))
_append_of_active = Statement(
    "outbox_append_of_active",
    # no account, no event: the column refuses that, and so the packet ends before its COMMIT; not its account's id,
    # by which Vitess finds the shard
    lambda: Outbox.insert(
        {
            Outbox.id: p("id"),
            Outbox.account_id: p("account_id"),
            Outbox.event: Accounts.select(p("event")).where(
                (Accounts.id == p("account_id")) & (Accounts.state == State.ACTIVE.value)
            ),
        }
    ),
)
_oldest = Statement(
    "outbox_oldest",
    lambda: Outbox.select(Outbox.id, Outbox.event).order_by(Outbox.id).limit(MAX_BATCH),
    lock="FOR UPDATE SKIP LOCKED",
    scatter="a relay drains the whole shard it is connected to",
)
_take = Statement(
    "outbox_take",
    lambda: Outbox.delete().where(Outbox.id.in_(each("ids"))),
    scatter="idem: these ids were just read there",
)
_first = Statement(
    "outbox_first", lambda: Outbox.select(fn.MIN(Outbox.id)), scatter="the age of a shard's oldest event"
)
_some = Outbox.select(Outbox.id).limit(MAX_COUNTED).alias("some")
_count = Statement(
    "outbox_count",
    lambda: Outbox.select(fn.COUNT(1)).from_(_some),
    scatter="how much a shard's relay has before it",
)
_insert_batch = Insert("batch_insert", Batches, ("id", "events", "payload"))
_insert_deliveries = Insert(
    "delivery_insert", Deliveries, ("batch_id", "consumer", "state", "attempts", "sent_ms")
)
_batch = Statement("batch_by_id", lambda: Batches.select(Batches.payload).where(Batches.id == p("batch_id")))
_ledger = Insert("ledger_insert", Ledger, ("batch_id", "consumer"), duplicate="ignore")
_finish = Statement(
    "delivery_finish",
    lambda: Deliveries.update(state=p("state")).where(
        (Deliveries.batch_id == p("batch_id"))
        & (Deliveries.consumer == p("consumer"))
        & (Deliveries.state == PENDING)  # a late repetition does not hide that something was parked
    ),
)
_overdue = Statement(
    "delivery_overdue",
    lambda: (
        Deliveries.select(Deliveries.batch_id, Deliveries.consumer, Deliveries.attempts)
        .where((Deliveries.state == PENDING) & (Deliveries.sent_ms < p("before_ms")))
        .order_by(Deliveries.sent_ms)
        .limit(p("limit"))
    ),
    lock="FOR UPDATE SKIP LOCKED",
)
_put_back = Statement(
    "delivery_put_back",
    lambda: Deliveries.update(attempts=Deliveries.attempts - 1, sent_ms=0).where(
        in_rows((Deliveries.batch_id, Deliveries.consumer), "keys") & (Deliveries.state == PENDING)
    ),
)
_resend = Statement(
    "delivery_resend",
    lambda: Deliveries.update(attempts=Deliveries.attempts + p("by"), sent_ms=p("now_ms")).where(
        (Deliveries.batch_id == p("batch_id"))
        & (Deliveries.consumer == p("consumer"))
        & (Deliveries.state == PENDING)
    ),
)
_oldest_sent = (
    Deliveries.select(Deliveries.consumer, Deliveries.batch_id)
    .where(Deliveries.state == PENDING)
    .order_by(Deliveries.sent_ms)
    .limit(MAX_COUNTED)
    .alias("oldest_sent")
)
_unfinished = Statement(
    "delivery_unfinished",
    lambda: (
        Deliveries.select(_oldest_sent.c.consumer, fn.COUNT(1), fn.MIN(_oldest_sent.c.batch_id))
        .from_(_oldest_sent)
        .group_by(_oldest_sent.c.consumer)
    ),
)
_attempts = Statement(
    "delivery_attempts",
    lambda: Deliveries.select(Deliveries.attempts).where(
        (Deliveries.batch_id == p("batch_id")) & (Deliveries.consumer == p("consumer"))
    ),
)
_park = Insert(
    "event_park",
    ParkedEvents,
    ("consumer", "batch_id", "position", "event", "error", "parked_ms"),
    duplicate="ignore",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch on its way to a consumer."""

    batch_id: int
    consumer: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows read for sealing: their ids and packed events."""

    ids: tuple[int, ...]
    packed: tuple[bytes, ...]


def append(tx: Session, account_id: int, id_: int, envelope: Envelope) -> None:
    """Add an event to the account's transaction."""
    append_many(tx, account_id, [(id_, envelope)])


def append_many(tx: Session, account_id: int, envelopes: Sequence[tuple[int, Envelope]]) -> None:
    """Add events, each with its id, to the account's transaction."""
    rows = [(id_, account_id, orjson.dumps(events.pack(envelope))) for id_, envelope in envelopes]
    tx.insert_later(_append, rows)


def append_of_active(tx: Session, account_id: int, id_: int, envelope: Envelope) -> None:
    """Add an event to the account's transaction, which fails unless the account takes part: see `refusing_inactive`.

    Its row must be locked by this transaction, or be gone.
    """
    packed = orjson.dumps(events.pack(envelope))
    tx.run_later(_append_of_active, id=id_, account_id=account_id, event=packed)


@contextmanager
def refusing_inactive() -> Iterator[None]:
    """Turn the failure of `append_of_active` into NotFound."""
    try:
        yield
    except peewee.IntegrityError as ex:
        if is_null_refused(ex):
            raise NotFound("account") from None
        raise


def take(tx: Session) -> Taken:
    """Return up to 1,000 events no other relay holds, and delete them; to be sealed in the same transaction."""
    rows = tx.all(_oldest)
    if rows:
        tx.run_later(_take, ids=[row[0] for row in rows])
    return Taken(tuple(row[0] for row in rows), tuple(bytes(row[1]) for row in rows))


def seal(tx: Session, batch_id: int, taken: Taken, consumers: Sequence[str], now_ms: int) -> None:
    """Write the taken events as a batch that is pending at each consumer."""
    tx.insert_later(_insert_batch, [(batch_id, len(taken.packed), b"[" + b",".join(taken.packed) + b"]")])
    tx.insert_later(_insert_deliveries, [(batch_id, consumer, PENDING, 1, now_ms) for consumer in consumers])


def find_batch(tx: Session, batch_id: int) -> list[Packed] | None:
    """Return the packed events of a batch, in their order, or None when it was pruned."""
    row = tx.one(_batch, batch_id=batch_id)
    return None if row is None else orjson.loads(bytes(row[0]))


def enter(tx: Session, batch_id: int, consumer: str) -> bool:
    """Write the ledger's row; return False when the consumer has applied this batch already."""
    return tx.insert(_ledger, [(batch_id, consumer)]) == 1


def finish(tx: Session, batch_id: int, consumer: str, *, parked: bool = False) -> None:
    """Mark a batch as done at a consumer, or as parked."""
    tx.run_later(_finish, batch_id=batch_id, consumer=consumer, state=PARKED if parked else DONE)


def fetch_overdue(tx: Session, now_ms: int, resend_ms: int, limit: int) -> list[Delivery]:
    """Return deliveries not finished for `resend_ms`, oldest first, at most `limit`, marked as sent again now.

    The next time is twice as far away, up to `MAX_RESEND_FACTOR` times: workers that are merely slow are not to be
    buried under repetitions. The mark lies in the future by what is to be waited longer.
    """
    found = [Delivery(*row) for row in tx.all(_overdue, before_ms=now_ms - resend_ms, limit=limit)]
    for delivery in found:
        longer_ms = resend_ms * (min(2**delivery.attempts, MAX_RESEND_FACTOR) - 1)
        tx.run(
            _resend, batch_id=delivery.batch_id, consumer=delivery.consumer, now_ms=now_ms + longer_ms, by=1
        )
    return found


def retry_soon(tx: Session, batch_id: int, consumer: str, now_ms: int) -> None:
    """Let a delivery be overdue in the usual time again: it was not lost or late, it failed just now."""
    tx.run(_resend, batch_id=batch_id, consumer=consumer, now_ms=now_ms, by=0)


def put_back(tx: Session, deliveries: Sequence[Delivery]) -> None:
    """Take back that deliveries were sent, for they were not: they are the first to be overdue."""
    tx.run(_put_back, keys=[(delivery.batch_id, delivery.consumer) for delivery in deliveries])


def attempts(tx: Session, batch_id: int, consumer: str) -> int:
    """Return how often a batch was sent to a consumer."""
    row = tx.one(_attempts, batch_id=batch_id, consumer=consumer)
    return row[0] if row is not None else 0


def park(
    tx: Session, batch_id: int, consumer: str, position: int, event: Packed, error: str, now_ms: int
) -> None:
    """Set an event aside that a consumer cannot apply."""
    tx.insert(_park, [(consumer, batch_id, position, orjson.dumps(event), error[:1000], now_ms)])


def find_oldest_id(tx: Session) -> int | None:
    """Return the id of the oldest event not yet sealed; its time is in the id."""
    row = tx.one(_first)
    return row[0] if row is not None else None


def count(tx: Session) -> int:
    """Return how many events are not yet sealed, at most 100,000."""
    row = tx.one(_count)
    return row[0] if row is not None else 0


def fetch_unfinished(tx: Session) -> dict[str, tuple[int, int]]:
    """Return by consumer how many batches are pending and the id of the oldest; of the 100,000 sent longest ago."""
    return {consumer: (count, oldest) for consumer, count, oldest in tx.all(_unfinished)}
