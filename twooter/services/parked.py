"""Parked events: shown to operators, and replayed once at the consumer that could not apply them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outboxes import CONSUMERS
from twooter.storage import outbox, parked
from twooter.storage.database import Session, Storage
from twooter.storage.outbox import Taken
from twooter.storage.parked import ParkedEvent

log = get_logger("parked")


class Parked:
    """What to do with events that failed too often."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids

    def fetch(self, consumer: str, *, limit: int = outbox.MAX_BATCH) -> list[ParkedEvent]:
        """Return a consumer's parked events, oldest first."""
        return self._storage.read(lambda tx: parked.fetch(tx, consumer, limit=limit))

    def replay(self, consumers: Sequence[str] = tuple(CONSUMERS)) -> int:
        """Seal all parked events into batches for the consumer that parked them; return how many.

        They leave their place in the transaction that seals them, so they are applied once however often this is
        called; other consumers, which had them, do not get them again. The relay sends the batches as overdue ones.
        """
        count = 0
        for consumer in consumers:
            while moved := self._replay(consumer):
                count += moved
        return count

    def _replay(self, consumer: str) -> int:
        batch_id = self._ids.make()

        def work(tx: Session) -> int:
            found = parked.fetch(tx, consumer, limit=outbox.MAX_BATCH)
            if not found:
                return 0
            if parked.remove(tx, consumer, [one.place for one in found]) != len(found):
                raise _Taken
            packed = tuple(orjson.dumps(one.event) for one in found)
            outbox.seal(tx, batch_id, Taken((), packed), [consumer], now_ms=0)
            return len(found)

        try:
            count = self._storage.transact(work)
        except _Taken:
            return self._replay(consumer)
        if count:
            log.info("events_replayed", consumer=consumer, batch_id=batch_id, events=count)
        return count


class _Taken(Exception):
    """Somebody else replays the same events."""
