"""Popular accounts: those with too many followers to push to; known to every process before it matters."""

from __future__ import annotations

import time
from collections.abc import Mapping

from twooter.domain import ids as id_rules
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.storage import fanouts
from twooter.storage.database import Storage

log = get_logger("popular")

KNOWN_SECONDS = 5.0
"""Each process reads the list this often."""
AHEAD_MS = 30_000
"""What an account does is pushed for this long after it has become popular."""


class Popular:
    """Remembers who is popular. Nobody ceases to be, for what was not pushed meanwhile would be missing."""

    def __init__(self, storage: Storage, ids: Ids, *, least_followers: int) -> None:
        self._storage = storage
        self._ids = ids
        self.least_followers = least_followers
        self._known: Mapping[int, int] = {}
        self._until = 0.0

    def all(self) -> Mapping[int, int]:
        """Return since which id accounts are, or soon will be, pushed to nobody."""
        if time.monotonic() >= self._until:
            self._known = fanouts.fetch_popular(self._storage)
            self._until = time.monotonic() + KNOWN_SECONDS
        return self._known

    def merged(self, now_ms: int) -> set[int]:
        """Return the accounts that every process merges into timelines by now."""
        now_id = id_rules.first_at(now_ms)
        return {account_id for account_id, since_id in self.all().items() if since_id <= now_id}

    def is_popular(self, account_id: int) -> bool:
        """Return whether an account's doing is merged into timelines when they are read."""
        return account_id in self.all()

    def is_pushed(self, account_id: int, row_id: int) -> bool:
        """Return whether something an account did goes to its followers' timelines."""
        since_id = self.all().get(account_id)
        return since_id is None or row_id < since_id

    def promote(self, account_id: int) -> None:
        """Let an account be popular from soon on."""
        if not self.is_popular(account_id):
            since_id = id_rules.first_at(self._ids.now_ms() + AHEAD_MS)
            fanouts.add_popular(self._storage, account_id, since_id)
            self._until = 0.0
            log.info("account_popular", account_id=account_id)
