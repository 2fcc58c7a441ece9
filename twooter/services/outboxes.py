"""The outbox: events written with what they tell of, sealed by relays, handed to every consumer once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import orjson

from twooter import traces
from twooter.domain import deltas
from twooter.domain import ids as id_rules
from twooter.domain.events import (
    DeletionEvent,
    EditEvent,
    Envelope,
    Event,
    FollowAnswerEvent,
    FollowEvent,
    MailEvent,
    TransferEvent,
    TwootEvent,
    VoteEvent,
    unpack,
)
from twooter.domain.notifications import tells_anybody
from twooter.domain.twoots import Visibility
from twooter.logs import get_logger
from twooter.metrics import BATCHES_SENT, EVENTS_SEALED, OUTBOX_AGE
from twooter.services import fanout
from twooter.services.edges import edges_of
from twooter.services.ids import Ids
from twooter.storage import outbox
from twooter.storage.database import Session, Storage
from twooter.storage.outbox import Delivery, Taken

T = TypeVar("T")
log = get_logger("outbox")

CONSUMERS: Mapping[str, Callable[[Event], bool]] = {
    "aggregates": deltas.moves,
    "edges": lambda event: bool(edges_of(event)),
    "threads": lambda event: isinstance(event, TwootEvent) and bool(event.ancestors),
    "fanout": fanout.wants,
    "follows": lambda event: isinstance(event, FollowEvent | FollowAnswerEvent),
    "search": lambda event: (
        isinstance(event, EditEvent)
        or (isinstance(event, TwootEvent) and event.visibility == Visibility.PUBLIC.value)
    ),
    "polls": lambda event: isinstance(event, VoteEvent),
    "mails": lambda event: isinstance(event, MailEvent),
    "deletions": lambda event: isinstance(event, DeletionEvent),
    "transfers": lambda event: isinstance(event, TransferEvent),
    "notifications": tells_anybody,
}
"""Which events each consumer needs; a batch goes only to consumers with such events in it."""


class Send(Protocol):
    """Hands a batch to a consumer's queue; raises when the broker did not take it."""

    def __call__(self, consumer: str, batch_id: int) -> None:
        """Send one task."""


class Outboxes:
    """Seals and sends; any number of relays may run this at once."""

    def __init__(self, storage: Storage, ids: Ids, *, resend_seconds: int) -> None:
        self._storage = storage
        self._ids = ids
        self._resend_ms = resend_seconds * 1000

    def transact(self, work: Callable[[Session], T]) -> T:
        """Return what `work` returns, committed as one transaction in which it may append events.

        The lease that their ids need is a transaction of its own: it is taken before.
        """
        self._ids.now_ms()
        return self._storage.transact(work)

    def append(self, tx: Session, account_id: int, event: Event, *, request_id: str | None) -> None:
        """Write an event in the caller's transaction."""
        outbox.append(tx, account_id, *self._stamped(event, request_id))

    def transact_of_active(self, work: Callable[[Session], T]) -> T:
        """Return what `work` returns, committed with an event of an account that takes part; a packet where possible.

        For whoever has just heard from the database: signing in has.
        Raises: NotFound for an account that takes no part any more.
        """
        self._ids.now_ms()
        with outbox.refusing_inactive():
            return self._storage.transact(work, at_once=True)

    def append_of_active(self, tx: Session, account_id: int, event: Event, *, request_id: str | None) -> None:
        """Write an event in the caller's transaction, which has locked its account's row."""
        outbox.append_of_active(tx, account_id, *self._stamped(event, request_id))

    def _stamped(self, event: Event, request_id: str | None) -> tuple[int, Envelope]:
        id_ = self._ids.make()
        return id_, Envelope(event, id_rules.time_ms(id_), request_id, traces.current())

    def append_many(self, tx: Session, account_id: int, events: Sequence[Event]) -> None:
        """Write events that no request caused in the caller's transaction."""
        made = [self._ids.make() for _ in events]
        rows = [
            (id_, Envelope(event, id_rules.time_ms(id_), None))
            for id_, event in zip(made, events, strict=True)
        ]
        outbox.append_many(tx, account_id, rows)

    def seal(self) -> tuple[int, list[Delivery]]:
        """Seal up to 1,000 waiting events into one batch; return their number and what is to be sent."""
        batch_id, now_ms = self._ids.make(), self._ids.now_ms()
        traced: list[Envelope] = []

        def work(tx: Session) -> tuple[int, list[Delivery]]:
            taken = outbox.take(tx)
            if not taken.ids:
                return 0, []
            try:
                envelopes = [unpack(orjson.loads(packed)) for packed in taken.packed]
                consumers = _consumers_of(envelopes)
            except ValueError:  # what cannot be read goes to all, and is parked there
                taken, envelopes, consumers = _readable(taken), [], list(CONSUMERS)
            traced[:] = [envelope for envelope in envelopes if envelope.trace is not None]
            outbox.seal(tx, batch_id, taken, consumers, now_ms)
            return len(taken.ids), [Delivery(batch_id, consumer, 1) for consumer in consumers]

        count, deliveries = self._storage.transact(work)
        if count:
            EVENTS_SEALED.inc(count)
            _tell_traces(traced, batch_id)
        return count, deliveries

    def overdue(self, limit: int = outbox.MAX_BATCH) -> list[Delivery]:
        """Return deliveries that were sent long ago, or never, and are not done, to be sent now."""
        now_ms, resend_ms = self._ids.now_ms(), self._resend_ms
        found = self._storage.transact(lambda tx: outbox.fetch_overdue(tx, now_ms, resend_ms, limit))
        for delivery in found:
            log.warning(
                "batch_overdue",
                batch_id=delivery.batch_id,
                consumer=delivery.consumer,
                attempts=delivery.attempts,
            )
        return found

    def measure(self) -> None:
        """Set the gauges that tell how far behind the outbox is."""
        oldest = self._storage.read(outbox.find_oldest_id)
        OUTBOX_AGE.set(0 if oldest is None else max(0, self._ids.now_ms() - id_rules.time_ms(oldest)) / 1000)

    def send(self, deliveries: list[Delivery], send: Send) -> bool:
        """Send deliveries; return False when the broker refused one, and it and the others are overdue at once."""
        for position, delivery in enumerate(deliveries):
            try:
                send(delivery.consumer, delivery.batch_id)
            except Exception as ex:  # noqa: BLE001 - any broker failure means the same: later
                log.warning(
                    "batch_not_sent",
                    batch_id=delivery.batch_id,
                    consumer=delivery.consumer,
                    error=type(ex).__name__,
                )
                unsent = deliveries[position:]
                self._storage.transact(lambda tx: outbox.put_back(tx, unsent))  # noqa: B023 - run at once
                return False
            BATCHES_SENT.labels(delivery.consumer).inc()
        return True


def _readable(taken: Taken) -> Taken:
    """Return what was taken with rows that are no JSON as texts: no event either, but the batch can be read."""
    return Taken(taken.ids, tuple(row if _is_json(row) else orjson.dumps(repr(row)) for row in taken.packed))


def _is_json(row: bytes) -> bool:
    try:
        orjson.loads(row)
    except ValueError:
        return False
    return True


def _consumers_of(envelopes: Sequence[Envelope]) -> list[str]:
    """Return who needs these events."""
    events = [envelope.event for envelope in envelopes]
    return [name for name, wants in CONSUMERS.items() if any(_is_wanted(wants, event) for event in events)]


def _is_wanted(wants: Callable[[Event], bool], event: Event) -> bool:
    """Return whether a consumer needs an event; whoever trips over one that is broken parks it."""
    try:
        return wants(event)
    except Exception:  # noqa: BLE001 - one bad row must never hold up the relay
        return True


def _tell_traces(traced: Sequence[Envelope], batch_id: int) -> None:
    """Tell the requests' traces how long their events lay in the outbox."""
    if traces.tracer is None:
        return
    for envelope in traced[: traces.MAX_FOLLOWED]:
        if envelope.trace is not None:
            traces.tracer.tell("outbox", envelope.trace, since_ms=envelope.written_ms, batch_id=batch_id)


Wait = Callable[[float], bool]
BUSY_PER_SECOND = 100
GATHER_SECONDS = 0.3
"""Events of a busy instance gather for so long: of 200 in a batch each costs half as much as of 60."""


def relay(outboxes: Outboxes, send: Send, wait: Wait, *, poll_seconds: float) -> None:
    """Seal and send until `wait(seconds)` answers True; goes on after any failure.

    A batch that is full is followed by the next at once; otherwise events gather for one poll, or while there are many
    for longer. While the broker is away, a single overdue batch asks for it.
    """
    rounds = 0
    pause = 0.0
    is_there = True
    while not wait(pause):
        try:
            count, deliveries = outboxes.seal()
            if rounds % max(1, int(1 / poll_seconds)) == 0:
                deliveries = outboxes.overdue(outbox.MAX_BATCH if is_there else 1) + deliveries
                outboxes.measure()
            if deliveries:
                is_there = outboxes.send(deliveries, send)
            pause = _pause(count, waited_seconds=max(pause, poll_seconds), poll_seconds=poll_seconds)
        except Exception as ex:  # noqa: BLE001 - a relay must outlive whatever a bad minute brings
            log.error("relay_failed", error=type(ex).__name__, detail=str(ex)[:200])
            pause = 1.0
        rounds += 1


def _pause(count: int, *, waited_seconds: float, poll_seconds: float) -> float:
    """Return how long the next events may gather: a batch has its price, which many of them had better share."""
    if count >= outbox.MAX_BATCH:
        return 0.0
    return max(poll_seconds, GATHER_SECONDS) if count >= BUSY_PER_SECOND * waited_seconds else poll_seconds
