"""Follow checks: both sides of follows compared, as they will be when all events have arrived; counts; mends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from twooter.domain.drifts import Drifts, Kind
from twooter.domain.events import Event, FollowAnswerEvent, FollowEvent, unpack
from twooter.domain.follows import Follow, latest
from twooter.domain.graph import State
from twooter.errors import Unavailable
from twooter.services.backlogs import MAX_PENDING
from twooter.services.follow_edges import FollowEdges, follow_of
from twooter.services.follows import answer_of, event_of
from twooter.storage import follow_sources, follows, pending
from twooter.storage.database import Session, Storage
from twooter.storage.follow_sources import FollowKey, Pair
from twooter.storage.follows import FOLLOWERS, FOLLOWING
from twooter.storage.outbox import Packed

COUNTS = {Kind.ACCOUNT_FOLLOWING: FOLLOWING, Kind.ACCOUNT_FOLLOWERS: FOLLOWERS}


@dataclass(slots=True)
class Coming:
    """Events that have not arrived, by (follower, target): what followers say, and what they are answered."""

    said: dict[FollowKey, Follow] = field(default_factory=dict)
    answered: dict[FollowKey, list[Follow]] = field(default_factory=dict)

    def add(self, event: FollowEvent | FollowAnswerEvent) -> None:
        """Take note of an event."""
        follow = follow_of(event)
        key = (follow.follower_id, follow.target_id)
        if isinstance(event, FollowEvent):
            self.said[key] = latest(self.said.get(key), follow) or follow
        else:
            self.answered.setdefault(key, []).append(follow)

    def off(self, own: Follow | None, other: Follow | None) -> int:
        """Return how the other side's state will differ from the follower's: 1 too much, -1 too little, 0 not."""
        known = own or other
        if known is None:
            return 0
        key = (known.follower_id, known.target_id)
        if own is not None:  # an answer on another version is of the past
            answers = [now for now in self.answered.get(key, ()) if now.version == own.version]
            own = latest(own, *answers)
        other = latest(other, self.said.get(key))
        states = [State.NONE if side is None else side.state for side in (own, other)]
        if states[0] is states[1]:
            return 0
        return -1 if states[1] is State.NONE else 1


def coming(tx: Session) -> Coming:
    """Return the follows' events that have not arrived; what is no event never will.

    Raises: Unavailable when too many events wait.
    """
    found = Coming()
    for number, packed in enumerate(pending.fetch(tx, "follows")):
        if number == MAX_PENDING:
            raise Unavailable("Too many events wait to be applied; audit again when the queue is shorter.")
        event = _readable(packed)
        if isinstance(event, FollowEvent | FollowAnswerEvent):
            found.add(event)
    return found


def counts(tx: Session, low: int, high: int) -> tuple[Drifts, int | None]:
    """Compare one page of accounts' counts of follows with their rows; return where the next page begins."""
    found, page = Drifts(), follow_sources.fetch_counters(tx, low, high)
    ids = [row[0] for row in page]
    for column, (kind, side) in enumerate(COUNTS.items(), start=1):
        counted = follow_sources.count(tx, side, ids)
        for row in page:
            found.add(kind, (row[0],), row[column] - counted.get(row[0], 0))
    return found, page[-1][0] + 1 if page else None


def following(tx: Session, after: FollowKey, high: int) -> tuple[Drifts, FollowKey | None]:
    """Compare one page of what followers say with the other side; return after what to go on."""
    pairs, last = follow_sources.fetch_following(tx, after, high)
    return _compare(tx, pairs), last


def orphans(tx: Session, after: FollowKey, high: int) -> tuple[Drifts, FollowKey | None]:
    """Look for follows in one page of the followed's side of which no follower knows; return after what to go on."""
    found, last = follow_sources.fetch_orphans(tx, after, high)
    return _compare(tx, [(None, other) for other in found]), last


def mend(storage: Storage, edges: FollowEdges, key: FollowKey) -> None:
    """Bring both sides of a follow to what the later one says; the follower's, where that cannot be told.

    This is done by the events that would have done it, so it may be repeated, and is outdone by whatever people do.
    """
    own = storage.read(lambda tx: follows.find(tx, FOLLOWING, *key))
    other = storage.read(lambda tx: follows.find(tx, FOLLOWERS, key[1], key[0]))
    if own is not None and other is not None and other.version > own.version:
        own = storage.transact(lambda tx: _raise(tx, key, other.version + 1))
    events: list[Event] = []
    if own is not None and own.outdoes(other):
        events.append(event_of(own))
    elif own is not None and other is not None:
        events.append(answer_of(other))
    elif other is not None:
        events.append(event_of(replace(other, state=State.NONE)))
    edges.bring(events)


def _raise(tx: Session, key: FollowKey, version: int) -> Follow | None:
    """Give the follower's side a version that no other can be above, for it alone makes them."""
    follows.lock(tx, key[0])
    own = follows.find(tx, FOLLOWING, *key)
    if own is not None and own.version < version:
        own = replace(own, version=version)
        follows.put(tx, FOLLOWING, [own])
    return own


def _compare(tx: Session, pairs: Iterable[Pair]) -> Drifts:
    """Return the drifts of pairs; what waits is read only where they differ."""
    nothing, found = Coming(), Drifts()
    suspects = [pair for pair in pairs if nothing.off(*pair)]
    waiting = coming(tx) if suspects else nothing
    for own, other in suspects:
        known = own or other
        if known is not None:
            found.add(Kind.FOLLOWER_EDGES, (known.follower_id, known.target_id), waiting.off(own, other))
    return found


def _readable(packed: Packed) -> Event | None:
    try:
        event = unpack(packed).event
        if isinstance(event, FollowEvent | FollowAnswerEvent):
            follow_of(event)
    except (ValueError, TypeError):
        return None
    return event
