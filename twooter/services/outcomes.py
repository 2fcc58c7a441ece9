"""Outcomes: jobs tell how they ended, for a process that turns it into metrics."""

from __future__ import annotations

from typing import Any

from twooter.storage import outcomes
from twooter.storage.database import Session, Storage


class Outcomes:
    """Writes down how jobs ended."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def record(
        self, name: str, *, succeeded: bool, seconds: float, detail: dict[str, Any]
    ) -> None:  # Any: JSON, in each job's own words
        """Take note of a run that has just ended.

        Raises: Unavailable when the database does not answer.
        """
        duration_ms = round(seconds * 1000)

        def work(tx: Session) -> None:
            outcomes.put(tx, name, tx.now_ms(), succeeded=succeeded, duration_ms=duration_ms, detail=detail)

        self._storage.transact(work)
