"""Batches of events at their consumers: applied once, retried, and what cannot be applied set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twooter.domain.events import Envelope, unpack
from twooter.logs import get_logger
from twooter.metrics import EVENTS_APPLIED, EVENTS_PARKED, FRESHNESS
from twooter.services.ids import Ids
from twooter.storage import outbox
from twooter.storage.database import Session, Storage
from twooter.storage.outbox import Packed

log = get_logger("batches")

Applier = Callable[[Session, Sequence[Envelope]], None]
"""Changes global tables inside the transaction that also writes the ledger: exactly once."""
Handler = Callable[[Sequence[Envelope]], None]
"""Does what may be done again: versioned rows, mails, starting a deletion. Opens its own transactions."""

_SHOWN_REQUESTS = 10


class Batches:
    """Runs a batch at a consumer; every call may come twice, late, or never end."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        *,
        appliers: Mapping[str, Applier],
        handlers: Mapping[str, Handler],
        max_attempts: int,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._appliers = appliers
        self._handlers = handlers
        self._max_attempts = max_attempts

    def run(self, consumer: str, batch_id: int) -> None:
        """Bring a batch's events to a consumer.

        A failure is raised until the batch was sent `max_attempts` times; then what fails is parked and the rest applied.
        """
        packed = self._storage.read(lambda tx: outbox.find_batch(tx, batch_id))
        if packed is None:
            log.info("batch_gone", batch_id=batch_id, consumer=consumer)
            return
        try:
            self._run_all(consumer, batch_id, [unpack(event) for event in packed])
            parked = 0
        except Exception as ex:
            attempts = self._storage.read(lambda tx: outbox.attempts(tx, batch_id, consumer))
            log.error(
                "batch_failed",
                batch_id=batch_id,
                consumer=consumer,
                attempts=attempts,
                error=type(ex).__name__,
            )
            if attempts < self._max_attempts:
                raise
            parked = self._run_each(consumer, batch_id, packed)
        self._storage.transact(lambda tx: outbox.finish(tx, batch_id, consumer, parked=parked > 0))
        self._tell(consumer, batch_id, packed, parked)

    def _run_all(self, consumer: str, batch_id: int, envelopes: Sequence[Envelope]) -> None:
        if consumer in self._handlers:
            self._handlers[consumer](envelopes)
            return
        apply = self._appliers[consumer]

        def work(tx: Session) -> None:
            if outbox.enter(tx, batch_id, consumer):
                apply(tx, envelopes)

        self._storage.transact(work)

    def _run_each(self, consumer: str, batch_id: int, packed: Sequence[Packed]) -> int:
        """Bring each event alone; park those that fail, and return how many."""
        failed: dict[int, str] = {}

        def work(tx: Session) -> None:
            failed.clear()
            if not outbox.enter(tx, batch_id, consumer):
                return
            for position, event in enumerate(packed):
                try:
                    with tx.savepoint():
                        self._appliers[consumer](tx, [unpack(event)])
                except Exception as ex:
                    if tx.must_restart(ex):
                        raise
                    failed[position] = repr(ex)
            self._park(tx, consumer, batch_id, packed, failed)

        if consumer in self._appliers:
            self._storage.transact(work)
            return len(failed)
        for position, event in enumerate(packed):
            try:
                self._handlers[consumer]([unpack(event)])
            except Exception as ex:  # noqa: BLE001 - whatever is wrong with one event must not hold up the others
                failed[position] = repr(ex)
        self._storage.transact(lambda tx: self._park(tx, consumer, batch_id, packed, failed))
        return len(failed)

    def _park(
        self, tx: Session, consumer: str, batch_id: int, packed: Sequence[Packed], failed: Mapping[int, str]
    ) -> None:
        for position, error in failed.items():
            outbox.park(tx, batch_id, consumer, position, packed[position], error, self._ids.now_ms())

    def _tell(self, consumer: str, batch_id: int, packed: Sequence[Packed], parked: int) -> None:
        oldest_ms = min(event[0] for event in packed)
        delay_seconds = max(0, self._ids.now_ms() - oldest_ms) / 1000
        FRESHNESS.labels(consumer).observe(delay_seconds)
        EVENTS_APPLIED.labels(consumer).inc(len(packed) - parked)
        EVENTS_PARKED.labels(consumer).inc(parked)
        log.info(
            "batch_applied",
            batch_id=batch_id,
            consumer=consumer,
            events=len(packed),
            parked=parked,
            delay_seconds=round(delay_seconds, 3),
            request_ids=sorted({event[1] for event in packed if event[1]})[:_SHOWN_REQUESTS],
        )
