"""Partings: a deleted account's follows and followers end, and its blocks, mutes and notes go, in bounded steps."""

from __future__ import annotations

from dataclasses import replace

from twooter.domain.events import Event
from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.services.follows import answer_of, counted, event_of
from twooter.services.outboxes import Outboxes
from twooter.storage import follows, leftovers
from twooter.storage.database import Session
from twooter.storage.follows import FOLLOWERS, FOLLOWING, Side

STEP = 200


class Partings:
    """Takes back what an account said of others, and what others' sides hold of it by events."""

    def __init__(self, outboxes: Outboxes) -> None:
        self._outboxes = outboxes

    def step(self, account_id: int) -> bool:
        """Do the next piece, in one transaction; return whether nothing was left to do."""

        def work(tx: Session) -> int:
            follows.lock(tx, account_id)
            return (
                self._end(tx, FOLLOWING, account_id)
                or self._end(tx, FOLLOWERS, account_id)
                or leftovers.remove_some(tx, account_id, STEP)
            )

        return not self._outboxes.transact(work)

    def _end(self, tx: Session, side: Side, account_id: int) -> int:
        """Remove some rows of one side and tell the other that they ended; return how many."""
        rows = leftovers.fetch_follows(tx, side, account_id, STEP)
        held = [follow for follow in rows if follow.state is not State.NONE]
        events: list[Event] = [
            answer_of(replace(follow, state=State.NONE)) if side.is_targets else event_of(_ended(follow))
            for follow in held
        ]
        if not side.is_targets:
            events += [event for follow in held for event in counted(follow, _ended(follow))]
        self._outboxes.append_many(tx, account_id, events)
        others = [follow.follower_id if side.is_targets else follow.target_id for follow in rows]
        follows.remove(tx, side, account_id, others)
        follows.move(tx, side, account_id, -sum(follow.is_active for follow in held))
        return len(rows)


def _ended(follow: Follow) -> Follow:
    return replace(follow, version=follow.version + 1, state=State.NONE)
