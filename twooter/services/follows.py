"""Follows: an account follows another, asks to, or ends it; and how what blocks or removes somebody ends a follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twooter.domain.accounts import State as AccountState
from twooter.domain.accounts import Viewer
from twooter.domain.events import Event, FollowAnswerEvent, FollowCountEvent, FollowEvent
from twooter.domain.follows import MAX_FOLLOWING, Follow, change, latest
from twooter.domain.graph import State
from twooter.errors import Conflict, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.storage import blocks, follows
from twooter.storage.database import Session, Storage
from twooter.storage.follows import FOLLOWERS, FOLLOWING

log = get_logger("follows")


class Follows:
    """What a follower does.

    Each account's side is its own: what one does is written there and told to the other by an event. Before anybody
    changes its side it looks at the other one, for what was acknowledged there may still be on its way.
    """

    def __init__(self, storage: Storage, ids: Ids, outboxes: Outboxes, cards: Cards) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._cards = cards

    def follow(self, viewer: Viewer, target_id: int, *, request_id: str | None = None) -> None:
        """Follow an account, or ask a protected one; whoever does already is left as it is.

        Raises: Invalid for oneself; NotFound when there is no such account, or it blocks the viewer; Conflict while the
        viewer blocks it, or follows as many as it can.
        """
        check_other(viewer, target_id, "You cannot follow yourself.")
        id_ = viewer.account_id
        target = self._storage.read(lambda tx: self._cards.check_account(tx, target_id, id_))
        seen = self._storage.read(lambda tx: follows.find(tx, FOLLOWERS, target_id, id_))
        wanted = State.REQUESTED if target.protected else State.ACTIVE
        edge_id = self._ids.make()

        def work(tx: Session) -> State:
            following = begin(tx, id_)
            if blocks.holds(tx, id_, target_id):
                raise Conflict("You block this account; unblock it first.", code="blocking")
            own = follows.find(tx, FOLLOWING, id_, target_id)
            now = latest(own, seen)
            if now is None or now.state not in (State.ACTIVE, wanted):
                if following >= MAX_FOLLOWING:
                    raise Conflict(f"You follow {MAX_FOLLOWING} accounts; end one first.", code="too_many")
                version = 1 if now is None else now.version + 1
                now = Follow(id_, target_id, version, wanted, edge_id)
                self._tell(tx, now, request_id)
            if now != own:
                self._write(tx, own, now, request_id)
            return now.state

        state = self._outboxes.transact(work)
        log.info("account_followed", follower_id=id_, target_id=target_id, state=state.value)

    def unfollow(self, viewer: Viewer, target_id: int, *, request_id: str | None = None) -> None:
        """End a follow, or take a request back; without one nothing happens, whether the account exists or not."""
        id_ = viewer.account_id

        def work(tx: Session) -> bool:
            begin(tx, id_)
            return self.end_following(tx, id_, target_id, request_id=request_id)

        if self._outboxes.transact(work):
            log.info("account_unfollowed", follower_id=id_, target_id=target_id)

    def known(self, follower_id: int, target_id: int) -> Follow | None:
        """Return what a follower's own side says now."""
        return self._storage.read(lambda tx: follows.find(tx, FOLLOWING, follower_id, target_id))

    def end_following(self, tx: Session, account_id: int, target_id: int, *, request_id: str | None) -> bool:
        """End an account's follow of another, in its own transaction; return whether there was one."""
        own = follows.find(tx, FOLLOWING, account_id, target_id)
        if own is None or own.state is State.NONE:
            return False
        ended = replace(own, version=own.version + 1, state=State.NONE)
        self._write(tx, own, ended, request_id)
        self._tell(tx, ended, request_id)
        return True

    def answer(
        self,
        tx: Session,
        account_id: int,
        follower_id: int,
        known: Follow | None,
        state: State,
        *,
        among: Sequence[State],
        request_id: str | None,
    ) -> Follow | None:
        """Move a follow of an account on to a state if it is in one of some, in the transaction of who is followed.

        `known` is what the follower's side said a moment ago, for its event may still be on its way. Return the follow
        as it is then, None where there never was one.
        """
        there = follows.find(tx, FOLLOWERS, account_id, follower_id)
        now = latest(there, known)
        if now is None or now.state not in among:
            return now
        answered = replace(now, state=state)
        follows.put(tx, FOLLOWERS, [answered])
        follows.move(tx, FOLLOWERS, account_id, change(there, answered))
        self._outboxes.append(tx, account_id, answer_of(answered), request_id=request_id)
        return answered

    def _write(self, tx: Session, own: Follow | None, now: Follow, request_id: str | None) -> None:
        follows.put(tx, FOLLOWING, [now])
        follows.move(tx, FOLLOWING, now.follower_id, change(own, now))
        for event in counted(own, now):
            self._outboxes.append(tx, now.follower_id, event, request_id=request_id)

    def _tell(self, tx: Session, now: Follow, request_id: str | None) -> None:
        self._outboxes.append(tx, now.follower_id, event_of(now), request_id=request_id)


def begin(tx: Session, account_id: int) -> int:
    """Begin to change an account's follows and blocks, one transaction after the other; return how many it follows.

    Raises: NotFound when the account was suspended or deleted since the request began.
    """
    held = follows.lock(tx, account_id)
    if held is None or held.state is not AccountState.ACTIVE:
        raise NotFound("account")
    return held.following


def check_other(viewer: Viewer, account_id: int, refusal: str) -> None:
    """Do nothing for anybody else than the viewer.

    Raises: Invalid for the viewer itself.
    """
    if account_id == viewer.account_id:
        raise Invalid.field("id", "oneself", refusal)


def event_of(follow: Follow) -> FollowEvent:
    """Return what the follower's side tells."""
    return FollowEvent(
        follow.follower_id, follow.target_id, follow.version, follow.state.value, follow.edge_id
    )


def counted(old: Follow | None, new: Follow) -> list[Event]:
    """Return what tells statistics that the follower's side, and it alone, says something else than before."""
    former = old if old is not None and old.is_active else None
    if former is not None and new.is_active and former.edge_id == new.edge_id:
        return []
    events: list[Event] = []
    if former is not None:
        events.append(FollowCountEvent(-1, former.follower_id, former.edge_id))
    if new.is_active:
        events.append(FollowCountEvent(1, new.follower_id, new.edge_id))
    return events


def answer_of(follow: Follow) -> FollowAnswerEvent:
    """Return what the other side tells."""
    return FollowAnswerEvent(
        follow.target_id, follow.follower_id, follow.version, follow.state.value, follow.edge_id
    )
