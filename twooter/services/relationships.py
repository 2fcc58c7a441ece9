"""Relationships: how the viewer stands to others; mutes and notes, which concern nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from twooter.domain import relationships as rules
from twooter.domain import text
from twooter.domain.accounts import Viewer
from twooter.domain.relationships import Relationship
from twooter.errors import Invalid
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.follows import begin, check_other
from twooter.services.ids import Ids
from twooter.storage import accounts, mutes, relationships
from twooter.storage.database import Session, Storage

log = get_logger("relationships")


class Relationships:
    """Reads relationships; mutes, and keeps notes."""

    def __init__(self, storage: Storage, ids: Ids, cards: Cards) -> None:
        self._storage = storage
        self._ids = ids
        self._cards = cards

    def fetch(self, viewer: Viewer, ids: Sequence[int]) -> list[Relationship]:
        """Return how the viewer stands to accounts, in their order; two queries.

        Left out are accounts that do not exist, and those that block the viewer and that it does not block itself.
        """
        unique = list(dict.fromkeys(ids))

        def read(tx: Session) -> list[Relationship]:
            known = accounts.fetch_authors(tx, unique)
            standing = relationships.fetch(tx, viewer.account_id, list(known), _now_ms())
            return [
                found
                for id_ in unique
                if (found := standing.relationships.get(id_)) is not None
                and (found.blocking or id_ not in standing.blocked_by)
            ]

        return self._storage.read(read)

    def one(self, viewer: Viewer, account_id: int) -> Relationship:
        """Return how the viewer stands to an account, whether it exists or not; one query."""
        work = self._storage.read
        found = work(lambda tx: relationships.fetch(tx, viewer.account_id, [account_id], _now_ms()))
        return found.relationships[account_id]

    def mute(self, viewer: Viewer, target_id: int, *, seconds: int | None) -> None:
        """Mute an account for some seconds from now on, or without an end.

        Raises: Invalid for oneself; NotFound when there is no such account, or it blocks the viewer.
        """
        check_other(viewer, target_id, "You cannot mute yourself.")
        edge_id = self._ids.make()
        until_ms = None if seconds is None else self._ids.now_ms() + seconds * 1000
        self._change(viewer, target_id, lambda tx, id_: mutes.put(tx, id_, target_id, edge_id, until_ms))
        log.info("account_muted", account_id=viewer.account_id, target_id=target_id, seconds=seconds)

    def unmute(self, viewer: Viewer, target_id: int) -> None:
        """Take a mute back; without one nothing happens."""
        self._storage.transact(lambda tx: mutes.remove(tx, viewer.account_id, [target_id]))
        log.info("account_unmuted", account_id=viewer.account_id, target_id=target_id)

    def note(self, viewer: Viewer, target_id: int, note: str) -> None:
        """Keep a note about an account, which nobody else reads; an empty one takes it away.

        Raises: Invalid for a bad text, or oneself; NotFound when there is no such account, or it blocks the viewer.
        """
        check_other(viewer, target_id, "You need no note about yourself.")
        note = text.clean(note)
        if errors := rules.check_note(note):
            raise Invalid(*errors)
        if note:
            self._change(viewer, target_id, lambda tx, id_: relationships.put_note(tx, id_, target_id, note))
        else:
            self._storage.transact(lambda tx: relationships.remove_notes(tx, viewer.account_id, [target_id]))
        log.info("note_written", account_id=viewer.account_id, target_id=target_id, chars=len(note))

    def _change(self, viewer: Viewer, target_id: int, write: Callable[[Session, int], None]) -> None:
        id_ = viewer.account_id
        self._storage.read(lambda tx: self._cards.check_account(tx, target_id, id_))

        def work(tx: Session) -> None:
            begin(tx, id_)  # an account that is being deleted gets no more rows
            write(tx, id_)

        self._storage.transact(work)


def _now_ms() -> int:
    """Return the time: only mutes have an end, so it need not be a clock that all processes share."""
    return time.time_ns() // 1_000_000
