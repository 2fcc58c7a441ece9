"""Remains: what others left below twoots that are gone goes, once nothing is on its way to them any more."""

from __future__ import annotations

import time
from functools import partial

from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.storage import remains
from twooter.storage.database import Storage

log = get_logger("remains")

RUN_SECONDS = 20.0
_AT_ONCE = 100


class Remains:
    """Sweeps; any number may run at once, and each step may be repeated."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids

    def sweep(self, *, max_seconds: float = RUN_SECONDS) -> int:
        """Remove what is due, as far as time allows; return of how many twoots."""
        until, now_ms, swept = time.monotonic() + max_seconds, self._ids.now_ms(), 0
        while time.monotonic() < until:
            found = self._storage.read(partial(remains.fetch_due, now_ms=now_ms, limit=_AT_ONCE))
            if not found:
                break
            for author_id, twoot_ids in found.items():
                if time.monotonic() >= until:
                    break
                step = partial(remains.remove_some, author_id=author_id, twoot_ids=twoot_ids)
                swept += len(twoot_ids) if self._storage.transact(step) else 0
        if swept:
            log.info("remains_swept", twoots=swept)
        return swept
