"""Backlogs: events that a consumer has not applied yet, as audits reckon with them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from twooter.domain import deltas
from twooter.domain.deltas import Moving
from twooter.domain.drifts import Key
from twooter.domain.events import Event, unpack
from twooter.domain.windows import DAY_MS
from twooter.errors import Unavailable
from twooter.services.edges import edges_of
from twooter.storage import pending
from twooter.storage.database import Session
from twooter.storage.edges import Edge, EdgeKind
from twooter.storage.outbox import Packed

MAX_PENDING = 200_000


@dataclass(slots=True)
class Backlog:
    """Events not applied yet: by the day they are about, and by edge the newest state they bring."""

    by_day: defaultdict[int, list[Moving]] = field(default_factory=lambda: defaultdict(list))
    edges: dict[tuple[EdgeKind, Key], tuple[int, bool]] = field(default_factory=dict)
    """By (author, twoot, what it comes from): version, active."""

    def add_edge(self, edge: Edge) -> None:
        """Note a state that an edge is brought to."""
        key = edge.kind, (edge.author_id, edge.twoot_id, edge.by_id)
        self.edges[key] = max(self.edges.get(key, (-1, False)), (edge.version, edge.active))


def fetch(tx: Session, consumer: str) -> Backlog:
    """Return the events a consumer has not applied; what is no event cannot be applied by anybody.

    Raises: Unavailable when they are too many to be held.
    """
    found = Backlog()
    for number, packed in enumerate(pending.fetch(tx, consumer)):
        if number == MAX_PENDING:
            raise Unavailable("Too many events wait to be applied; audit again when the queue is shorter.")
        event = _readable(packed)
        if event is None:
            continue
        if consumer == "edges":
            for edge in edges_of(event):
                found.add_edge(edge)
        elif isinstance(event, Moving):
            found.by_day[event.at_ms // DAY_MS * DAY_MS].append(event)
    return found


def _readable(packed: Packed) -> Event | None:
    """Return the event, or None for what nobody can apply: a poisoned one has moved nothing, and never will."""
    try:
        event = unpack(packed).event
        deltas.reduce([event])
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return event
