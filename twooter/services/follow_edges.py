"""Follow edges: what one side of a follow says is brought to the other, counted there, and shown in home timelines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from twooter.domain.accounts import State as AccountState
from twooter.domain.events import Envelope, Event, FollowAnswerEvent, FollowEvent
from twooter.domain.follows import Follow, by_other, change, latest
from twooter.domain.graph import State
from twooter.services.follows import answer_of, counted
from twooter.services.outboxes import Outboxes
from twooter.storage import blocks, follows
from twooter.storage.database import Session, Storage
from twooter.storage.follows import FOLLOWERS, FOLLOWING

_STEP = 250


class Homes(Protocol):
    """Home timelines, told when a follow has reached both the one and the other side; they may be told again."""

    def followed(self, follower_id: int, target_id: int) -> None:
        """Bring an account's newest twoots to a follower."""

    def unfollowed(self, follower_id: int, target_id: int) -> None:
        """Take an account's twoots from who followed it."""


class FollowEdges:
    """The consumer of follows and of answers to them; each account's in a transaction of its own."""

    def __init__(self, storage: Storage, outboxes: Outboxes, homes: Homes | None = None) -> None:
        self._storage = storage
        self._outboxes = outboxes
        self._homes = homes

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Bring both sides to what the events say; may be repeated in any order."""
        self.bring([envelope.event for envelope in envelopes])

    def bring(self, events: Iterable[Event]) -> None:
        """Do what `handle` does; home timelines come last, for they may be away while follows are counted."""
        arrived: defaultdict[int, list[Follow]] = defaultdict(list)
        answered: defaultdict[int, list[Follow]] = defaultdict(list)
        for event in events:
            if isinstance(event, FollowEvent):
                arrived[event.target_id].append(follow_of(event))
            elif isinstance(event, FollowAnswerEvent):
                answered[event.target_id].append(follow_of(event))
        settled: list[Follow] = []
        for target_id, some in arrived.items():
            for part in _parts(by_other(some, of_target=True)):
                settled += self._outboxes.transact(partial(self._arrive, target_id=target_id, new=part))
        for follower_id, some in answered.items():
            for part in _parts(by_other(some, of_target=False)):
                take = partial(self._take_answers, follower_id=follower_id, new=part)
                settled += self._outboxes.transact(take)
        self._tell_homes(settled)

    def _arrive(self, tx: Session, target_id: int, new: dict[int, Follow]) -> list[Follow]:
        """Bring followers' acts to whom they follow; return those that hold then.

        Whoever is blocked, or follows what is gone, is answered that it does not.
        """
        held = follows.lock(tx, target_id)
        if held is None or held.state is AccountState.DELETING:
            refused = [replace(follow, state=State.NONE) for follow in new.values() if _asks(follow)]
            self._outboxes.append_many(tx, target_id, [answer_of(follow) for follow in refused])
            return []
        there = by_other(follows.fetch_some(tx, FOLLOWERS, target_id, list(new)), of_target=True)
        later = {id_: follow for id_, follow in new.items() if follow.outdoes(there.get(id_))}
        asking = [id_ for id_, follow in later.items() if _asks(follow)]
        blocked = blocks.fetch_some(tx, target_id, asking)
        for id_ in blocked:
            later[id_] = replace(later[id_], state=State.NONE)
        follows.put(tx, FOLLOWERS, [later[id_] for id_ in sorted(later)])
        follows.move(tx, FOLLOWERS, target_id, sum(change(there.get(id_), now) for id_, now in later.items()))
        self._outboxes.append_many(tx, target_id, [answer_of(later[id_]) for id_ in sorted(blocked)])
        # what was there already may be told again: a worker may have died between the two
        return [follow for id_, follow in new.items() if (later | _same(new, there)).get(id_) == follow]

    def _take_answers(self, tx: Session, follower_id: int, new: dict[int, Follow]) -> list[Follow]:
        """Take answers on the version that the follower's side is at, for others are of the past; return these."""
        if follows.lock(tx, follower_id) is None:
            return []
        there = by_other(follows.fetch_some(tx, FOLLOWING, follower_id, list(new)), of_target=False)
        valid = {id_: now for id_, now in new.items() if id_ in there and there[id_].version == now.version}
        later = {id_: now for id_, now in valid.items() if now.outdoes(there[id_])}
        follows.put(tx, FOLLOWING, [later[id_] for id_ in sorted(later)])
        follows.move(tx, FOLLOWING, follower_id, sum(change(there[id_], now) for id_, now in later.items()))
        moved = [event for id_, now in sorted(later.items()) for event in counted(there[id_], now)]
        self._outboxes.append_many(tx, follower_id, moved)
        return [now for id_, now in valid.items() if latest(there[id_], now) == now]

    def _tell_homes(self, settled: Sequence[Follow]) -> None:
        if self._homes is None:
            return
        for follow in settled:
            if follow.is_active:
                self._homes.followed(follow.follower_id, follow.target_id)
            elif follow.state is State.NONE:
                self._homes.unfollowed(follow.follower_id, follow.target_id)


def follow_of(event: FollowEvent | FollowAnswerEvent) -> Follow:
    """Return the follow that an event speaks of."""
    ends = (event.account_id, event.target_id)
    follower_id, target_id = ends if isinstance(event, FollowEvent) else ends[::-1]
    return Follow(follower_id, target_id, event.version, State(event.state), event.edge_id)


def _asks(follow: Follow) -> bool:
    return follow.state is not State.NONE


def _same(new: dict[int, Follow], there: dict[int, Follow]) -> dict[int, Follow]:
    """Return what is known already."""
    return {id_: follow for id_, follow in new.items() if there.get(id_) == follow}


def _parts(new: dict[int, Follow]) -> Iterable[dict[int, Follow]]:
    items = sorted(new.items())
    return (dict(items[at : at + _STEP]) for at in range(0, len(items), _STEP))
