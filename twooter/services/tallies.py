"""Tallies: votes are counted at the author of their poll, by version; those in polls that are gone go too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from twooter.domain.events import Envelope, PollEndEvent, VoteEvent
from twooter.services.outboxes import Outboxes
from twooter.storage import polls, votes
from twooter.storage.database import Session, Storage
from twooter.storage.votes import Vote

_STEP = 250


class Tallies:
    """Applies votes; each author's in a transaction of its own."""

    def __init__(self, storage: Storage, outboxes: Outboxes) -> None:
        self._storage = storage
        self._outboxes = outboxes

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Bring the polls' counts to what the events say; may be repeated in any order."""
        by_author: defaultdict[int, list[Vote]] = defaultdict(list)
        for envelope in envelopes:
            if isinstance(envelope.event, VoteEvent):
                vote = vote_of(envelope.event)
                by_author[vote.author_id].append(vote)
        for author_id, given in by_author.items():
            for at in range(0, len(given), _STEP):
                self.count(author_id, given[at : at + _STEP])

    def count(self, author_id: int, given: Sequence[Vote]) -> None:
        """Count votes in polls of one author."""
        lost = self._outboxes.transact(partial(self._count, author_id=author_id, given=given))
        for vote in lost:
            self._storage.transact(
                partial(votes.remove, account_ids=[vote.account_id], twoot_ids=[vote.twoot_id])
            )

    def _count(self, tx: Session, author_id: int, given: Sequence[Vote]) -> list[Vote]:
        """Count votes, and tell whoever came too late to be told with the others; return those of no poll."""
        found = polls.lock(tx, author_id, sorted({vote.twoot_id for vote in given}))
        there = {twoot_id: due for twoot_id, due in found.items() if not due.gone}
        counted = [vote for vote in given if vote.twoot_id in there]
        if counted:
            votes.apply(tx, author_id, counted)
        late = [vote for vote in counted if vote.active and there[vote.twoot_id].was_told(vote.account_id)]
        ends = [PollEndEvent(author_id, vote.twoot_id, (vote.account_id,)) for vote in late]
        self._outboxes.append_many(tx, author_id, ends)
        return [vote for vote in given if vote.twoot_id not in there and vote.active]


def vote_of(event: VoteEvent) -> Vote:
    """Return the vote that an event tells of."""
    return Vote(event.author_id, event.twoot_id, event.account_id, event.choices, event.version, event.active)
