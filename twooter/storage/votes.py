"""Votes: an account's own, and who voted in a poll at its author; that side changes only by a greater version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import JOIN

from twooter.domain.accounts import State
from twooter.domain.polls import MAX_OPTIONS, unpacked
from twooter.storage import polls
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import Accounts, PollVotes, Votes

_KEY = (PollVotes.author_id, PollVotes.twoot_id, PollVotes.account_id)
_COLUMNS = ("author_id", "twoot_id", "account_id", "choices", "version", "active")
_VIEWERS = 200
_of_poll = (PollVotes.author_id == p("author_id")) & (PollVotes.twoot_id == p("twoot_id"))

_held = Statement(
    "vote_held",
    lambda: (
        Accounts.select(Votes.choices)
        .join(
            Votes, JOIN.LEFT_OUTER, on=((Votes.account_id == Accounts.id) & (Votes.twoot_id == p("twoot_id")))
        )
        .where((Accounts.id == p("account_id")) & (Accounts.state == State.ACTIVE.value))
    ),
    lock="FOR UPDATE",
)
_insert = Insert("vote_insert", Votes, ("account_id", "twoot_id", "author_id", "choices"), numbers=True)
_of_viewers = Statement(
    "votes_of_viewers",
    lambda: Votes.select(Votes.account_id, Votes.twoot_id, Votes.choices).where(
        Votes.account_id.in_(each("viewer_ids")) & Votes.twoot_id.in_(each("twoot_ids"))
    ),
)
_some = Statement(
    "votes_some",
    lambda: (
        Votes.select(Votes.author_id, Votes.twoot_id, Votes.account_id, Votes.choices)
        .where(Votes.account_id == p("account_id"))
        .order_by(Votes.twoot_id)
        .limit(p("limit"))
    ),
    lock="FOR UPDATE",
)
_page = Statement(
    "votes_page",
    lambda: (
        Votes.select(Votes.author_id, Votes.twoot_id, Votes.account_id, Votes.choices)
        .where((Votes.account_id == p("account_id")) & (Votes.twoot_id < p("before")))
        .order_by(Votes.twoot_id.desc())
        .limit(p("limit"))
    ),
)
_remove = Statement(
    "votes_remove",
    lambda: Votes.delete().where(
        Votes.account_id.in_(each("account_ids")) & Votes.twoot_id.in_(each("twoot_ids"))
    ),
)
_ensure = Insert("poll_vote_ensure", PollVotes, _COLUMNS, duplicate="ignore", numbers=True)
_put = Insert(
    "poll_vote_put",
    PollVotes,
    _COLUMNS,
    duplicate={"choices": "set", "version": "set", "active": "set"},
    numbers=True,
)
_fetch = Statement(
    "poll_votes",
    lambda: PollVotes.select(*_KEY, PollVotes.choices, PollVotes.version, PollVotes.active).where(
        in_rows(_KEY, "keys")
    ),
    lock="FOR UPDATE",
)
_voters = Statement(
    "poll_voters",
    lambda: (
        PollVotes.select(PollVotes.account_id)
        .where(_of_poll & (PollVotes.account_id > p("after")) & (PollVotes.active == 1))
        .order_by(PollVotes.account_id)
        .limit(p("limit"))
    ),
)
_of_gone = Statement(
    "poll_votes_of_gone",
    lambda: (
        PollVotes.select(PollVotes.account_id)
        .where(_of_poll)
        .order_by(PollVotes.account_id)
        .limit(p("limit"))
    ),
)
_remove_of_poll = Statement(
    "poll_votes_remove",
    lambda: PollVotes.delete().where(_of_poll & PollVotes.account_id.in_(each("account_ids"))),
)


@dataclass(frozen=True, slots=True)
class Vote:
    """What an account votes for, a bit for each option; the greatest version is the last acknowledged state."""

    author_id: int
    twoot_id: int
    account_id: int
    choices: int
    version: int = 1
    active: bool = True

    @property
    def key(self) -> tuple[int, int, int]:
        """Return what tells votes apart."""
        return self.author_id, self.twoot_id, self.account_id


@dataclass(frozen=True, slots=True)
class Held:
    """An active account, which nobody else can change before the transaction ends, and what it voted for."""

    choices: int | None


def hold(tx: Session, account_id: int, twoot_id: int) -> Held | None:
    """Lock an account and return what it voted for in a poll; None when it takes no part (any more)."""
    row = tx.one(_held, account_id=account_id, twoot_id=twoot_id)
    return None if row is None else Held(row[0])


def insert(tx: Session, vote: Vote) -> None:
    """Write an account's vote; the caller holds the account."""
    tx.insert_later(_insert, [(vote.account_id, vote.twoot_id, vote.author_id, vote.choices)])


def of_viewers(
    tx: Session, viewer_ids: Sequence[int], twoot_ids: Sequence[int]
) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return what viewers chose, by (viewer, twoot); a query for every 200 viewers."""
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for at in range(0, len(viewer_ids), _VIEWERS):
        some = viewer_ids[at : at + _VIEWERS]
        for viewer_id, twoot_id, bits in tx.all(_of_viewers, viewer_ids=some, twoot_ids=twoot_ids):
            found[viewer_id, twoot_id] = unpacked(bits)
    return found


def fetch_some(tx: Session, account_id: int, limit: int) -> list[Vote]:
    """Return some of an account's votes, locked."""
    return [Vote(*row) for row in tx.all(_some, account_id=account_id, limit=limit)]


def fetch(tx: Session, account_id: int, before: int, limit: int) -> list[Vote]:
    """Return an account's votes in polls older than an id, the newest polls first."""
    return [Vote(*row) for row in tx.all(_page, account_id=account_id, before=before, limit=limit)]


def remove(tx: Session, account_ids: Sequence[int], twoot_ids: Sequence[int]) -> None:
    """Forget that any of some accounts voted in any of some polls."""
    if account_ids and twoot_ids:
        tx.run(_remove, account_ids=account_ids, twoot_ids=twoot_ids)


def apply(tx: Session, author_id: int, votes: Sequence[Vote]) -> None:
    """Bring votes in polls of one author, which the caller has locked, to the given states, and the counts with them.

    Repetition and any order end the same.
    """
    newest: dict[tuple[int, int, int], Vote] = {}
    for vote in votes:
        if vote.key not in newest or vote.version > newest[vote.key].version:
            newest[vote.key] = vote
    keys = sorted(newest)
    tx.insert(_ensure, [(*key, newest[key].choices, 0, 0) for key in keys])
    changed: list[tuple[int, ...]] = []
    moves: defaultdict[int, list[int]] = defaultdict(lambda: [0] * (MAX_OPTIONS + 1))
    for *columns, choices, version, active in tx.all(_fetch, keys=keys):
        vote = newest[columns[0], columns[1], columns[2]]
        if vote.version > version:
            changed.append((*vote.key, vote.choices, vote.version, int(vote.active)))
            _count(moves[vote.twoot_id], vote.choices, int(vote.active))
            _count(moves[vote.twoot_id], choices, -int(active))
    tx.insert_later(_put, sorted(changed))
    for twoot_id, (voters, *by) in sorted(moves.items()):
        if voters or any(by):
            polls.move(tx, author_id, twoot_id, voters, by)


def _count(move: list[int], choices: int, by: int) -> None:
    """Count a voter, and each option it chose."""
    if by:
        move[0] += by
        for place in unpacked(choices):
            move[place + 1] += by


def fetch_voters(tx: Session, author_id: int, twoot_id: int, after: int, limit: int) -> list[int]:
    """Return some of those whose votes count, in the order of their ids, above one of them."""
    rows = tx.all(_voters, author_id=author_id, twoot_id=twoot_id, after=after, limit=limit)
    return [row[0] for row in rows]


def fetch_of_gone(tx: Session, author_id: int, twoot_id: int, limit: int) -> list[int]:
    """Return some of those who ever voted in a poll."""
    return [row[0] for row in tx.all(_of_gone, author_id=author_id, twoot_id=twoot_id, limit=limit)]


def remove_of_poll(tx: Session, author_id: int, twoot_id: int, account_ids: Sequence[int]) -> None:
    """Forget at a poll's author that some accounts voted."""
    tx.run(_remove_of_poll, author_id=author_id, twoot_id=twoot_id, account_ids=account_ids)
