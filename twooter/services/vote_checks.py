"""Vote checks: both sides of votes compared, as they will be when all events have arrived; polls' counts; mends."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.drifts import Drifts, Key, Kind
from twooter.domain.events import VoteEvent, unpack
from twooter.errors import Unavailable
from twooter.services.backlogs import MAX_PENDING
from twooter.services.tallies import vote_of
from twooter.storage import pending, polls, vote_sources, votes
from twooter.storage.database import Session
from twooter.storage.vote_sources import COLUMNS, Seen, VoteKey
from twooter.storage.votes import Vote

KINDS = (Kind.POLL_COUNTS, Kind.POLL_VOTES)


def counts(tx: Session, low: int, high: int) -> Drifts:
    """Compare the counts of polls of twoots with ids in [low, high) with their votes; look for votes of nobody."""
    found = Drifts()
    for author_id, twoot_id, differences in vote_sources.fetch_counts_off(tx, low, high):
        for number, by in enumerate(differences):
            found.add(Kind.POLL_COUNTS, (author_id, twoot_id, number), by)
    found.update(_compare(tx, vote_sources.fetch_orphans(tx, low, high)))
    return found


def given(tx: Session, after: VoteKey, high: int) -> tuple[Drifts, VoteKey | None]:
    """Compare one page of what accounts voted for with what their polls' authors have; return after what to go on."""
    found, last = vote_sources.fetch_votes(tx, after, high)
    return _compare(tx, found), last


def mend(tx: Session, kind: Kind, key: Key, by: int) -> None:
    """Take a drift back, by the vote that would have done it or by a relative change; none of a poll that is gone."""
    author_id, twoot_id, *rest = key
    due = polls.lock(tx, author_id, [twoot_id]).get(twoot_id)
    if due is None or due.gone:
        return
    if kind is Kind.POLL_VOTES:
        account_id, choices, version = rest
        votes.apply(tx, author_id, [Vote(author_id, twoot_id, account_id, choices, version, by < 0)])
    else:
        voters, *others = (-by * (number == rest[0]) for number in range(len(COLUMNS)))
        polls.move(tx, author_id, twoot_id, voters, others)


def _compare(tx: Session, seen: Sequence[Seen]) -> Drifts:
    """Return where the sides differ; what waits is read only where they do."""
    found = Drifts()
    suspects = [one for one in seen if one.own != one.counted]
    waiting = _coming(tx) if suspects else {}
    for one in suspects:
        coming = waiting.get((one.author_id, one.twoot_id, one.account_id))
        counted, version = one.counted, one.version
        if coming is not None and coming.version > version:
            counted, version = coming.choices * coming.active, coming.version
        if one.own != counted:
            key = (one.author_id, one.twoot_id, one.account_id, one.own or counted, version + 1)
            found.add(Kind.POLL_VOTES, key, -1 if one.own else 1)
    return found


def _coming(tx: Session) -> dict[tuple[int, int, int], Vote]:
    """Return the newest of the votes that have not arrived; what is no event never will.

    Raises: Unavailable when too many events wait.
    """
    found: dict[tuple[int, int, int], Vote] = {}
    for number, packed in enumerate(pending.fetch(tx, "polls")):
        if number == MAX_PENDING:
            raise Unavailable("Too many events wait to be applied; audit again when the queue is shorter.")
        try:
            event = unpack(packed).event
        except (ValueError, TypeError):
            continue
        if isinstance(event, VoteEvent):
            vote = vote_of(event)
            if vote.key not in found or vote.version > found[vote.key].version:
                found[vote.key] = vote
    return found
