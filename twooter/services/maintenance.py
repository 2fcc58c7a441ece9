"""Maintenance: what is too old goes, in small transactions that nobody waits for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.storage import maintenance
from twooter.storage.database import Session, Storage

log = get_logger("maintenance")


class Maintenance:
    """Prunes tables; running twice at once does no harm."""

    def __init__(
        self, storage: Storage, ids: Ids, *, notification_ms: int = maintenance.NOTIFICATIONS_KEPT_MS
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._prunings = [
            replace(pruning, kept_ms=notification_ms) if pruning.name == "notifications" else pruning
            for pruning in maintenance.PRUNINGS
        ]

    def prune(self, *, max_seconds: float = 30.0) -> Counter[str]:
        """Remove old rows until none are left or time is over; return how many by table."""
        until, now_ms, removed = time.monotonic() + max_seconds, self._ids.now_ms(), Counter[str]()
        steps: list[tuple[str, Callable[[Session], int]]] = [
            (pruning.name, partial(maintenance.prune, pruning=pruning, now_ms=now_ms))
            for pruning in self._prunings
        ]
        steps.append(("batches", partial(maintenance.prune_batches, now_ms=now_ms)))
        # in turn, so that one long table does not keep the others waiting
        while steps and time.monotonic() < until:
            counts = [(name, step, self._storage.transact(step)) for name, step in steps]
            for name, _, count in counts:
                removed[name] += count
            steps = [(name, step) for name, step, count in counts if count >= maintenance.STEP]
        if +removed:
            log.info("pruned", **(+removed))
        return +removed
