"""Edges: what one account's act means at another account, applied by version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from twooter.domain.events import Envelope, Event, TwootEvent
from twooter.storage import replies
from twooter.storage.database import Storage
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
            edge = _edge(envelope.event)
            if edge is not None:
                by_account[edge.parent_author_id].append(edge)
        for edges in by_account.values():
            for at in range(0, len(edges), _STEP):
                self._storage.transact(partial(replies.apply, edges=edges[at : at + _STEP]))


def _edge(event: Event) -> ReplyEdge | None:
    """Return the edge that an event brings, or None when it is of no reply."""
    if not isinstance(event, TwootEvent) or event.parent_id is None or event.parent_author_id is None:
        return None
    return ReplyEdge(
        event.parent_author_id,
        event.parent_id,
        event.twoot_id,
        event.author_id,
        event.version,
        event.sign > 0,
    )
