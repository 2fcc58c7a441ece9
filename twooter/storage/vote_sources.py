"""What an audit reads of votes: both sides beside each other, and polls' counts beside the votes they count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import JOIN, Case, fn

from twooter.storage.database import Session
from twooter.storage.polls import VOTES
from twooter.storage.sources import PAGE
from twooter.storage.statements import Statement, p
from twooter.storage.tables import Polls, PollVotes, Votes

VoteKey = tuple[int, int]
"""(account, twoot): votes are read in this order."""
Select = Any
"""Peewee's queries: they are of the table they begin with, and joined to any."""
COLUMNS = ("voters", *VOTES)
"""The counts of a poll, in the order of their numbers."""
_SHARD = "an audit goes over the shard it is connected to"
_same = (PollVotes.author_id == Polls.author_id) & (PollVotes.twoot_id == Polls.twoot_id)


def _in_range(query: Select) -> Select:
    within = (Polls.twoot_id >= p("low")) & (Polls.twoot_id < p("high")) & (Polls.gone == 0)
    found: Select = query.where(within).limit(p("limit"))
    return found


def _counts() -> Select:
    counted = [
        fn.COALESCE(fn.SUM(Case(None, [(counts, 1)], 0)), 0)
        for counts in (
            PollVotes.active == 1,
            *((PollVotes.active == 1) & (PollVotes.choices.bin_and(1 << n) > 0) for n in range(len(VOTES))),
        )
    ]
    columns = [getattr(Polls, name) for name in COLUMNS]
    differences = [column - number for column, number in zip(columns, counted, strict=True)]
    return _in_range(
        Polls.select(Polls.author_id, Polls.twoot_id, *differences)
        .join(PollVotes, JOIN.LEFT_OUTER, on=_same)
        .group_by(Polls.author_id, Polls.twoot_id, *columns)
        .order_by(Polls.twoot_id)
    )


def _orphans() -> Select:
    own = (Votes.account_id == PollVotes.account_id) & (Votes.twoot_id == PollVotes.twoot_id)
    return _in_range(
        Polls.select(
            Polls.author_id, Polls.twoot_id, PollVotes.account_id, PollVotes.choices, PollVotes.version
        )
        .join(PollVotes, on=_same)
        .join_from(PollVotes, Votes, JOIN.LEFT_OUTER, on=own)
        .where((PollVotes.active == 1) & Votes.account_id.is_null())
    )


_counts_off = Statement("audit_poll_counts", _counts, scatter=_SHARD)
_orphaned = Statement("audit_poll_orphans", _orphans, scatter=_SHARD)
_votes = Statement(
    "audit_votes",
    lambda: (
        Votes.select(
            Votes.account_id,
            Votes.twoot_id,
            Polls.author_id,
            Votes.choices,
            PollVotes.choices,
            PollVotes.version,
            PollVotes.active,
        )
        .join(
            Polls,
            JOIN.LEFT_OUTER,
            on=(
                (Polls.author_id == Votes.author_id) & (Polls.twoot_id == Votes.twoot_id) & (Polls.gone == 0)
            ),
        )
        .join_from(
            Votes,
            PollVotes,
            JOIN.LEFT_OUTER,
            on=(
                (PollVotes.author_id == Votes.author_id)
                & (PollVotes.twoot_id == Votes.twoot_id)
                & (PollVotes.account_id == Votes.account_id)
            ),
        )
        .where(
            (Votes.account_id >= p("after"))
            & ((Votes.account_id > p("after")) | (Votes.twoot_id > p("after_twoot")))
            & (Votes.account_id < p("high"))
        )
        .order_by(Votes.account_id, Votes.twoot_id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A vote as its account has it and as its poll's author does: what was chosen, 0 for nothing."""

    author_id: int
    twoot_id: int
    account_id: int
    own: int
    counted: int
    version: int


def fetch_counts_off(tx: Session, low: int, high: int) -> list[tuple[int, int, list[int]]]:
    """Return (author, twoot, differences) of one page of polls that count something else than their votes."""
    rows = tx.all(_counts_off, low=low, high=high, limit=PAGE)
    found = [(row[0], row[1], [int(by) for by in row[2:]]) for row in rows]
    return [row for row in found if any(row[2])]


def fetch_orphans(tx: Session, low: int, high: int) -> list[Seen]:
    """Return votes that count in polls with ids in [low, high), and that nobody has given; at most one page."""
    rows = tx.all(_orphaned, low=low, high=high, limit=PAGE)
    return [Seen(row[0], row[1], row[2], 0, row[3], row[4]) for row in rows]


def fetch_votes(tx: Session, after: VoteKey, high: int) -> tuple[list[Seen], VoteKey | None]:
    """Return one page of the votes of accounts below `high` in polls that are there, and after what to go on."""
    rows = tx.all(_votes, after=after[0], after_twoot=after[1], high=high, limit=PAGE)
    found = [
        Seen(author_id, twoot_id, account_id, own, counted if active else 0, version or 0)
        for account_id, twoot_id, author_id, own, counted, version, active in rows
        if author_id is not None
    ]
    return found, (rows[-1][0], rows[-1][1]) if len(rows) == PAGE else None
