"""Edges: what one account's act means at another account, applied by version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from twooter.domain.events import Envelope, TwootEvent
from twooter.storage import replies
from twooter.storage.database import Session, Storage
from twooter.storage.replies import ReplyEdge

_STEP = 250


class Edges:
    """Applies reply edges; each account's in a transaction of its own."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Bring the parents' edges and counts to what the events say; may be repeated in any order."""
        by_account: defaultdict[int, list[ReplyEdge]] = defaultdict(list)
        for envelope in envelopes:
            event = envelope.event
            if (
                isinstance(event, TwootEvent)
                and event.parent_id is not None
                and event.parent_author_id is not None
            ):
                by_account[event.parent_author_id].append(
                    ReplyEdge(
                        event.parent_author_id,
                        event.parent_id,
                        event.twoot_id,
                        event.author_id,
                        event.version,
                        event.sign > 0,
                    )
                )
        for edges in by_account.values():
            for at in range(0, len(edges), _STEP):
                part = edges[at : at + _STEP]
                self._storage.transact(partial(_apply, part))


def _apply(edges: Sequence[ReplyEdge], tx: Session) -> None:
    replies.apply(tx, edges)
