"""Polls at their authors: written with the twoot, read beside it, and due when a worker has something to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from peewee import JOIN

from twooter.domain.polls import Poll, Standing, unpacked
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Question, Statement, each, p
from twooter.storage.tables import Polls, PollVotes, Votes

VOTES = ("votes_0", "votes_1", "votes_2", "votes_3")
_SHOWN = (
    Polls.twoot_id,
    Polls.author_id,
    Polls.options,
    Polls.multiple,
    Polls.ends_ms,
    Polls.voters,
    *(getattr(Polls, name) for name in VOTES),
)
_these = Polls.twoot_id.in_(each("ids")) & Polls.author_id.in_(each("author_ids"))
_this = (Polls.author_id == p("author_id")) & (Polls.twoot_id == p("twoot_id"))

_insert = Insert(
    "poll_insert",
    Polls,
    ("twoot_id", "author_id", "options", "multiple", "ends_ms", "due_ms", "told_id", "gone"),
)
_by_keys = Statement("polls_by_keys", lambda: Polls.select(*_SHOWN).where(_these))
_options = Statement("poll_options", lambda: Polls.select(Polls.twoot_id, Polls.options).where(_these))
# what the viewer voted stands at the viewer; whether it is counted already, at the author
_seen = Statement(
    "polls_seen",
    lambda: (
        Polls.select(*_SHOWN, Votes.choices, PollVotes.active)
        .join(
            Votes,
            JOIN.LEFT_OUTER,
            on=((Votes.account_id == p("viewer_id")) & (Votes.twoot_id == Polls.twoot_id)),
        )
        .join_from(
            Polls,
            PollVotes,
            JOIN.LEFT_OUTER,
            on=(
                (PollVotes.author_id == Polls.author_id)
                & (PollVotes.twoot_id == Polls.twoot_id)
                & (PollVotes.account_id == p("viewer_id"))
            ),
        )
        .where(_these)
    ),
)
_leave = Statement(
    "poll_leave",
    lambda: Polls.update(gone=True, due_ms=0).where(
        (Polls.author_id == p("author_id")) & Polls.twoot_id.in_(each("ids"))
    ),
)
_due = Statement(
    "polls_due",
    lambda: (
        Polls.select(Polls.author_id, Polls.twoot_id)
        .where(Polls.due_ms <= p("now_ms"))
        .order_by(Polls.due_ms)
        .limit(p("limit"))
    ),
    scatter="a sweep of the shard it is connected to, by an index of times",
)
_lock = Statement(
    "polls_lock",
    lambda: Polls.select(Polls.twoot_id, Polls.due_ms, Polls.told_id, Polls.gone).where(
        (Polls.author_id == p("author_id")) & Polls.twoot_id.in_(each("ids"))
    ),
    lock="FOR UPDATE",
)
_tell = Statement("poll_tell", lambda: Polls.update(told_id=p("told_id"), due_ms=p("due_ms")).where(_this))
_remove = Statement("poll_remove", lambda: Polls.delete().where(_this))
_move = Statement(
    "poll_move",
    lambda: Polls.update(
        voters=Polls.voters + p("voters"),
        **{name: getattr(Polls, name) + p(name) for name in VOTES},
    ).where(_this),
)


@dataclass(frozen=True, slots=True)
class Due:
    """A poll that nobody else can change before the transaction ends, as far as workers have to do with it."""

    twoot_id: int
    due_ms: int | None
    told_id: int
    gone: bool

    def was_told(self, account_id: int) -> bool:
        """Return whether those who voted up to an account were told that it ended."""
        return self.due_ms is None or account_id <= self.told_id


def insert(tx: Session, author_id: int, twoot_id: int, poll: Poll) -> None:
    """Write a new poll."""
    options = orjson.dumps(poll.options).decode()
    tx.insert_later(
        _insert, [(twoot_id, author_id, options, poll.multiple, poll.ends_ms, poll.ends_ms, 0, False)]
    )


def seen(
    keys: Sequence[tuple[int, int]], viewer_id: int | None, now_ms: int
) -> Question[dict[int, Standing]]:
    """Ask how polls of (author, twoot) keys, of which there is one at least, stand for a viewer, by the twoot.

    A vote that its author's side does not count yet is counted for who gave it.
    """
    given: dict[str, Any] = {
        "ids": sorted({id_ for _, id_ in keys}),
        "author_ids": sorted({a for a, _ in keys}),
    }
    statement = _by_keys
    if viewer_id is not None:
        statement, given = _seen, {**given, "viewer_id": viewer_id}
    return Question(
        statement, given, lambda rows: {row[0]: _standing(row, viewer_id, now_ms) for row in rows}
    )


def options(keys: Sequence[tuple[int, int]]) -> Question[dict[int, tuple[str, ...]]]:
    """Ask what polls of (author, twoot) keys, of which there is one at least, may be answered with, by the twoot."""
    return Question(
        _options,
        {"ids": sorted({id_ for _, id_ in keys}), "author_ids": sorted({a for a, _ in keys})},
        lambda rows: {row[0]: tuple(orjson.loads(row[1])) for row in rows},
    )


def _standing(row: Row, viewer_id: int | None, now_ms: int) -> Standing:
    _, author_id, packed, multiple, ends_ms, voters, *rest = row
    options = tuple(orjson.loads(packed))
    found = Standing(
        Poll(options, bool(multiple), ends_ms),
        voters,
        tuple(rest[: len(options)]),
        ended=ends_ms <= now_ms,
        is_own=author_id == viewer_id,
    )
    chosen, is_counted = rest[len(VOTES) :] or (None, None)
    return found if chosen is None else found.with_vote(unpacked(chosen), is_counted=bool(is_counted))


def leave(tx: Session, author_id: int, twoot_ids: Sequence[int]) -> None:
    """Leave polls, whose twoots are gone, to the worker that removes their votes."""
    if twoot_ids:
        tx.run_later(_leave, author_id=author_id, ids=twoot_ids)


def fetch_due(tx: Session, now_ms: int, limit: int) -> list[tuple[int, int]]:
    """Return (author, twoot) of polls with which there is something to do, the longest due first."""
    return [(row[0], row[1]) for row in tx.all(_due, now_ms=now_ms, limit=limit)]


def lock(tx: Session, author_id: int, twoot_ids: Sequence[int]) -> dict[int, Due]:
    """Return those of an author's polls that are there, by the twoot, locked."""
    rows = tx.all(_lock, author_id=author_id, ids=twoot_ids)
    return {row[0]: Due(row[0], row[1], row[2], bool(row[3])) for row in rows}


def tell(tx: Session, author_id: int, twoot_id: int, told_id: int, due_ms: int | None) -> None:
    """Note up to whom voters were told, and when to go on; None: never."""
    tx.run(_tell, author_id=author_id, twoot_id=twoot_id, told_id=told_id, due_ms=due_ms)


def remove(tx: Session, author_id: int, twoot_id: int) -> None:
    """Forget a poll that has no votes left."""
    tx.run(_remove, author_id=author_id, twoot_id=twoot_id)


def move(tx: Session, author_id: int, twoot_id: int, voters: int, votes: Sequence[int]) -> None:
    """Change the counts of a poll by so much."""
    by = dict(zip(VOTES, [*votes, *[0] * len(VOTES)], strict=False))
    tx.run(_move, author_id=author_id, twoot_id=twoot_id, voters=voters, **by)
