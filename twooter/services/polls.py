"""Polls: vote in one; a vote is one account's, is given once, and is never changed."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain import polls as rules
from twooter.domain.accounts import Viewer
from twooter.domain.events import VoteEvent
from twooter.domain.twoots import Card
from twooter.errors import Conflict, Forbidden, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.twoots import Twoots
from twooter.storage import votes
from twooter.storage.database import Session
from twooter.storage.votes import Vote

log = get_logger("polls")


class Polls:
    """Takes votes at whoever votes; the author's side and the counts follow."""

    def __init__(self, ids: Ids, outboxes: Outboxes, twoots: Twoots) -> None:
        self._ids = ids
        self._outboxes = outboxes
        self._twoots = twoots

    def vote(
        self, viewer: Viewer, id_: int, choices: Sequence[int], *, request_id: str | None = None
    ) -> Card:
        """Vote in a twoot's poll and return it as it stands with that vote; the same vote again changes nothing.

        Raises: NotFound when there is no poll, or the viewer may not see it; Forbidden in one's own; Invalid for
        choices that are none; Conflict after another vote, and when the poll has ended.
        """
        card = self._twoots.get(id_, viewer)
        if card.poll is None:
            raise NotFound("poll")
        if card.twoot.author_id == viewer.account_id:
            raise Forbidden("You see how your own poll stands; it is for others to vote.", code="own_poll")
        if errors := rules.check_choices(card.poll.poll, choices):
            raise Invalid(*errors)
        vote = Vote(card.twoot.author_id, id_, viewer.account_id, rules.packed(choices))
        self._give(vote, card.poll.poll.ends_ms, request_id)
        return self._twoots.get(id_, viewer)

    def _give(self, vote: Vote, ends_ms: int, request_id: str | None) -> None:
        def work(tx: Session) -> bool:
            held = votes.hold(tx, vote.account_id, vote.twoot_id)
            if held is None:
                raise NotFound("account")  # suspended or deleted since the request began
            if held.choices is not None:
                if held.choices != vote.choices:
                    raise Conflict("You have voted already, and a vote stays as it is.", code="already_voted")
                return False
            if self._ids.now_ms() >= ends_ms:
                raise Conflict("This poll has ended.", code="poll_ended")
            votes.insert(tx, vote)
            self._outboxes.append(tx, vote.account_id, event_of(vote), request_id=request_id)
            return True

        if self._outboxes.transact(work):
            log.info("voted", account_id=vote.account_id, twoot_id=vote.twoot_id)


def event_of(vote: Vote) -> VoteEvent:
    """Return what tells a poll's author of a vote, or of its end."""
    return VoteEvent(vote.account_id, vote.twoot_id, vote.author_id, vote.choices, vote.version, vote.active)
