"""Ends of polls: whoever made one or voted in it is told, and the votes of those that are gone go; in bounded steps."""

from __future__ import annotations

import time
from functools import partial

from twooter.domain.events import PollEndEvent
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.storage import polls, votes
from twooter.storage.database import Session, Storage
from twooter.storage.polls import Due

log = get_logger("polls")

RUN_SECONDS = 20.0
_SWEPT, _STEP = 100, 500
_AT_ONCE = 100
"""Accounts of one event: a batch full of them still makes its notifications in the time a task has."""


class PollEnds:
    """Does what is due with polls; any number may run at once, for each step holds the poll."""

    def __init__(self, storage: Storage, ids: Ids, outboxes: Outboxes, *, is_sharded: bool = False) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._is_sharded = is_sharded

    def sweep(self) -> int:
        """Do what is due, as far as time allows; return how many polls are done."""
        until, done = time.monotonic() + RUN_SECONDS, 0
        while time.monotonic() < until:
            now_ms = self._ids.now_ms()
            found = self._storage.read(partial(polls.fetch_due, now_ms=now_ms, limit=_SWEPT))
            if not found:
                break
            for author_id, twoot_id in found:
                while time.monotonic() < until:
                    if not self.step(author_id, twoot_id):
                        done += 1
                        break
        return done

    def step(self, author_id: int, twoot_id: int) -> bool:
        """Do the next piece of what is due with a poll; return whether there is more."""
        now_ms = self._ids.now_ms()

        def work(tx: Session) -> tuple[bool, bool]:
            due = polls.lock(tx, author_id, [twoot_id]).get(twoot_id)
            if due is None or due.due_ms is None or due.due_ms > now_ms:
                return False, False
            return due.gone, due.gone or self._tell(tx, author_id, due, now_ms)

        is_gone, more = self._outboxes.transact(work)
        return self._clear(author_id, twoot_id) if is_gone else more

    def _tell(self, tx: Session, author_id: int, due: Due, now_ms: int) -> bool:
        """Tell the next of those who voted, before all of them the author; return whether there are more."""
        voters = votes.fetch_voters(tx, author_id, due.twoot_id, due.told_id, _STEP)
        told = [*([] if due.told_id else [author_id]), *voters]
        ends = [
            PollEndEvent(author_id, due.twoot_id, tuple(told[at : at + _AT_ONCE]))
            for at in range(0, len(told), _AT_ONCE)
        ]
        self._outboxes.append_many(tx, author_id, ends)
        more = len(voters) == _STEP
        told_id = voters[-1] if voters else max(due.told_id, 1)
        polls.tell(tx, author_id, due.twoot_id, told_id, now_ms if more else None)
        if not more:
            log.info("poll_ended", author_id=author_id, twoot_id=due.twoot_id)
        return more

    def _clear(self, author_id: int, twoot_id: int) -> bool:
        """Remove some of the votes in a poll that is gone, and with the last of them the poll; return whether there are
        more. Nothing is added any more, and so each piece may be repeated.
        """
        read = partial(votes.fetch_of_gone, author_id=author_id, twoot_id=twoot_id, limit=_STEP)
        voters = self._storage.read(read)
        for some in [[voter] for voter in voters] if self._is_sharded else [voters]:
            remove = partial(votes.remove, account_ids=some, twoot_ids=[twoot_id])
            self._storage.transact(remove)

        def work(tx: Session) -> None:
            if voters:
                votes.remove_of_poll(tx, author_id, twoot_id, voters)
            else:
                polls.remove(tx, author_id, twoot_id)

        self._storage.transact(work)
        return bool(voters)
