"""Schedules: each slot of a periodic task runs once, however many schedulers there are."""

from __future__ import annotations

from twooter.services.ids import Ids
from twooter.storage import schedules
from twooter.storage.database import Storage


class Schedules:
    """Claims slots of time for periodic tasks."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids

    def claim(self, task: str, every_seconds: int) -> bool:
        """Claim the present slot of a task; return False when it is taken: by a second scheduler, or a late message."""
        every_ms = every_seconds * 1000
        slot_ms = self._ids.now_ms() // every_ms * every_ms
        return self._storage.transact(lambda tx: schedules.claim(tx, task, slot_ms))
