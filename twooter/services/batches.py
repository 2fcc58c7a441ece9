"""Batches of events at their consumers: applied once, retried, and what cannot be applied set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twooter import traces
from twooter.domain.events import Envelope, cause_of, unpack
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.metrics import EVENTS_APPLIED, EVENTS_LATE, EVENTS_PARKED, FRESHNESS
from twooter.services.ids import Ids
from twooter.storage import outbox
from twooter.storage.database import Session, Storage
from twooter.storage.outbox import Packed

log = get_logger("batches")

Applier = Callable[[Session, Sequence[Envelope]], None]
"""Changes global tables inside the transaction that also writes the ledger: exactly once."""
Handler = Callable[[Sequence[Envelope]], None]
"""Does what may be done again: versioned rows, mails, starting a deletion. Opens its own transactions."""
Failed = dict[int, str]
"""Position in the batch and error of the events that a consumer cannot apply."""

_SHOWN_REQUESTS = 10
FRESH_MS = 5_000
"""What was applied later than this is late: the objective for statistics, as alerts and dashboards count it."""


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

        A failure is raised until the batch was sent `max_attempts` times; then what fails is parked and the rest
        applied. A part that does not answer is no event's fault: nothing is parked, the batch is sent again.
        """
        packed = self._storage.read(lambda tx: outbox.find_batch(tx, batch_id))
        if packed is None:
            log.info("batch_gone", batch_id=batch_id, consumer=consumer)
            return
        callers = (cause_of(event)[1] for event in packed)
        with traces.follow(f"apply {consumer}", filter(None, callers), batch_id=batch_id, events=len(packed)):
            self._bring(consumer, batch_id, packed)

    def _bring(self, consumer: str, batch_id: int, packed: Sequence[Packed]) -> None:
        failed: Failed | None
        try:
            failed = {} if self._run_all(consumer, batch_id, packed) else None
        except Unavailable:
            raise
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
                now_ms = self._ids.now_ms()
                self._storage.transact(lambda tx: outbox.retry_soon(tx, batch_id, consumer, now_ms))
                raise
            failed = self._run_each(consumer, batch_id, packed)
        if failed is None:
            log.info("batch_repeated", batch_id=batch_id, consumer=consumer)
        else:
            self._tell(consumer, batch_id, packed, len(failed))

    def _run_all(self, consumer: str, batch_id: int, packed: Sequence[Packed]) -> bool:
        """Bring all events at once; return False when the ledger says that they were applied before."""
        envelopes = [unpack(event) for event in packed]
        if consumer in self._handlers:
            self._handlers[consumer](envelopes)
            # one that is lost is brought again
            self._storage.transact(lambda tx: outbox.finish(tx, batch_id, consumer), at_once=True)
            return True
        apply = self._appliers[consumer]

        def work(tx: Session) -> bool:
            is_new = outbox.enter(tx, batch_id, consumer)
            if is_new:
                apply(tx, envelopes)
            outbox.finish(tx, batch_id, consumer)
            return is_new

        return self._storage.transact(work)

    def _run_each(self, consumer: str, batch_id: int, packed: Sequence[Packed]) -> Failed | None:
        """Park the events that fail and apply the others; return None when the ledger says that it was done before."""
        now_ms = self._ids.now_ms()

        def work(tx: Session) -> Failed | None:
            is_new = outbox.enter(tx, batch_id, consumer)
            failed = _isolate(tx, self._appliers[consumer], packed) if is_new else {}
            park(tx, failed)
            return failed if is_new else None

        def park(tx: Session, failed: Failed) -> None:
            _park(tx, consumer, batch_id, packed, failed, now_ms)
            outbox.finish(tx, batch_id, consumer, parked=bool(failed))

        if consumer in self._appliers:
            return self._storage.transact(work)
        failed: Failed = {}
        for position, event in enumerate(packed):
            try:
                self._handlers[consumer]([unpack(event)])
            except Unavailable:
                raise
            except Exception as ex:  # noqa: BLE001 - whatever is wrong with one event must not hold up the others
                failed[position] = repr(ex)
        self._storage.transact(lambda tx: park(tx, failed))
        return failed

    def _tell(self, consumer: str, batch_id: int, packed: Sequence[Packed], parked: int) -> None:
        written = [(event[0], cause_of(event)[0]) for event in packed if _is_stamped(event)]
        now_ms = self._ids.now_ms()
        delay_seconds = max(0, now_ms - min((time_ms for time_ms, _ in written), default=now_ms)) / 1000
        FRESHNESS.labels(consumer).observe(delay_seconds)
        EVENTS_APPLIED.labels(consumer).inc(len(packed) - parked)
        EVENTS_LATE.labels(consumer).inc(sum(now_ms - time_ms > FRESH_MS for time_ms, _ in written))
        EVENTS_PARKED.labels(consumer).inc(parked)
        log.info(
            "batch_applied",
            batch_id=batch_id,
            consumer=consumer,
            events=len(packed),
            parked=parked,
            delay_seconds=round(delay_seconds, 3),
            request_ids=sorted({request_id for _, request_id in written if request_id})[:_SHOWN_REQUESTS],
        )


def _is_stamped(event: Packed) -> bool:
    """Return whether a packed event begins with its time; a poisoned one may be anything."""
    return isinstance(event, list) and len(event) > 1 and isinstance(event[0], int)


def _park(
    tx: Session, consumer: str, batch_id: int, packed: Sequence[Packed], failed: Failed, now_ms: int
) -> None:
    for position, error in failed.items():
        outbox.park(tx, batch_id, consumer, position, packed[position], error, now_ms)


def _isolate(tx: Session, apply: Applier, packed: Sequence[Packed]) -> Failed:
    """Apply what can be applied and return the rest: halves of what fails are tried again, each in a savepoint."""
    failed: Failed = {}
    waiting = [range(len(packed))]
    while waiting:
        positions = waiting.pop()
        try:
            with tx.savepoint():
                apply(tx, [unpack(packed[position]) for position in positions])
        except Exception as ex:
            if tx.must_restart(ex):
                raise
            if len(positions) == 1:
                failed[positions[0]] = repr(ex)
            else:
                middle = len(positions) // 2
                waiting += [positions[middle:], positions[:middle]]
    return failed
