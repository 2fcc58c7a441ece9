"""Edges: what one account's act means at another account, applied by version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, Envelope, Event, TwootEvent
from twooter.storage import edges as rows
from twooter.storage.database import Storage
from twooter.storage.edges import Edge, EdgeKind

_STEP = 250
_ACTIONS: dict[int, EdgeKind] = {Kind.LIKE: EdgeKind.LIKE, Kind.RETWOOT: EdgeKind.RETWOOT}


class Edges:
    """Applies the edges of replies, quotes, likes and retwoots; each account's in a transaction of its own."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Bring the authors' edges and counts to what the events say; may be repeated in any order."""
        by_account: defaultdict[int, list[Edge]] = defaultdict(list)
        for envelope in envelopes:
            for edge in edges_of(envelope.event):
                by_account[edge.author_id].append(edge)
        for edges in by_account.values():
            for at in range(0, len(edges), _STEP):
                self._storage.transact(partial(rows.apply, edges=edges[at : at + _STEP]))


def edges_of(event: Event) -> list[Edge]:
    """Return the edges that an event brings."""
    if isinstance(event, ActionEvent):
        kind = _ACTIONS.get(event.action)
        if kind is None:
            return []
        return [
            Edge(
                kind,
                event.author_id,
                event.twoot_id,
                event.account_id,
                event.edge_id,
                event.version,
                event.active,
            )
        ]
    if not isinstance(event, TwootEvent):
        return []
    spoken_of = (
        (EdgeKind.REPLY, event.parent_author_id, event.parent_id),
        (EdgeKind.QUOTE, event.quote_author_id, event.quote_id),
    )
    return [
        Edge(kind, author_id, twoot_id, event.twoot_id, event.author_id, event.version, event.sign > 0)
        for kind, author_id, twoot_id in spoken_of
        if author_id is not None and twoot_id is not None
    ]
