"""Ties: how one viewer stands to the authors of a page, and what it did with the page's twoots; one query."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import peewee
from peewee import SQL

from twooter.domain.actions import Kind
from twooter.domain.graph import STRANGERS, State, Ties
from twooter.domain.twoots import Flags
from twooter.storage.database import Row, Session
from twooter.storage.statements import Question, Statement, each, in_rows, p
from twooter.storage.tables import Actions, Blocks, Followers, Following, Mutes

_TIES = ("approved", "follows", "blocking", "blocked_by", "muting")
_ACTION = len(_TIES)
_PAIRS = 50
_VIEWERS = 200
_FLAGS = {int(kind): bit for kind, bit in ((Kind.LIKE, 4), (Kind.RETWOOT, 2), (Kind.BOOKMARK, 1))}
_BITS = (16, 8, 4, 2, 1)
"""Of the ties, and of the flags: what holds together is a value's place among all there are."""
_ALL_TIES = [Ties(*held) for held in product((False, True), repeat=5)]
_ALL_FLAGS = [Flags(*done) for done in product((False, True), repeat=3)]


def _ties() -> list[peewee.SelectBase]:
    """Return a query per tie, in the order of their names: each answers (its number, the author, 0)."""
    viewer, authors, active = p("viewer_id"), each("author_ids"), State.ACTIVE.value
    held = Mutes.until_ms.is_null() | (Mutes.until_ms > p("now_ms"))
    arms = (
        (Followers.account_id, (Followers.follower_id == viewer) & (Followers.state == active), authors),
        (Following.target_id, (Following.account_id == viewer) & (Following.state == active), authors),
        (Blocks.target_id, Blocks.account_id == viewer, authors),
        (Blocks.account_id, Blocks.target_id == viewer, authors),
        (Mutes.target_id, (Mutes.account_id == viewer) & held, authors),
    )
    return [
        other.model.select(SQL(str(number)), other, SQL("0")).where(other.in_(among) & condition)
        for number, (other, condition, among) in enumerate(arms)
    ]


def _actions() -> peewee.SelectBase:
    return Actions.select(SQL(str(_ACTION)), Actions.twoot_id, Actions.kind).where(
        (Actions.account_id == p("viewer_id")) & Actions.twoot_id.in_(each("twoot_ids")) & Actions.active
    )


def _union(*queries: peewee.SelectBase) -> peewee.Query:
    whole = queries[0]
    for query in queries[1:]:
        whole = whole.union_all(query)
    return whole


def _between() -> peewee.Query:
    """Return what `_ties` does for pairs: each answers (its number, the viewer, the author)."""
    held = Mutes.until_ms.is_null() | (Mutes.until_ms > p("now_ms"))
    active = State.ACTIVE.value
    arms = (
        ("approved", (Followers.account_id, Followers.follower_id), "to_viewers", Followers.state == active),
        ("blocking", (Blocks.account_id, Blocks.target_id), "to_authors", None),
        ("blocked_by", (Blocks.account_id, Blocks.target_id), "to_viewers", None),
        ("muting", (Mutes.account_id, Mutes.target_id), "to_authors", held),
    )
    return _union(
        *(
            fields[0]
            .model.select(SQL(str(_TIES.index(tie))), *(fields if name == "to_authors" else reversed(fields)))
            .where(in_rows(fields, name) if condition is None else in_rows(fields, name) & condition)
            for tie, fields, name, condition in arms
        )
    )


def _of_many() -> peewee.Query:
    """Return what `_ties` and `_actions` do for many viewers: each answers (number, viewer, other, kind)."""
    held = Mutes.until_ms.is_null() | (Mutes.until_ms > p("now_ms"))
    active = State.ACTIVE.value
    arms: tuple[tuple[peewee.Field, peewee.Field, Any], ...] = (
        (Followers.follower_id, Followers.account_id, Followers.state == active),
        (Following.account_id, Following.target_id, Following.state == active),
        (Blocks.account_id, Blocks.target_id, None),
        (Blocks.target_id, Blocks.account_id, None),
        (Mutes.account_id, Mutes.target_id, held),
    )
    ties = (
        viewer.model.select(SQL(str(number)), viewer, other, SQL("0")).where(
            viewer.in_(each("viewer_ids")) & other.in_(each("author_ids")) & (SQL("1") if on is None else on)
        )
        for number, (viewer, other, on) in enumerate(arms)
    )
    actions = Actions.select(SQL(str(_ACTION)), Actions.account_id, Actions.twoot_id, Actions.kind).where(
        Actions.account_id.in_(each("viewer_ids")) & Actions.twoot_id.in_(each("twoot_ids")) & Actions.active
    )
    return _union(*ties, actions)


_of_viewers = Statement("ties_of_viewers", _of_many)
_of_pairs = Statement("ties_of_pairs", _between)
_to_authors = Statement("ties_to_authors", lambda: _union(*_ties()))
_to_twoots = Statement("ties_to_twoots", lambda: _union(*_ties(), _actions()))
# who is approved decides nothing about what is for everybody, and whom one follows only what is at home
_to_open_twoots = Statement("ties_to_open_twoots", lambda: _union(*_ties()[2:], _actions()))
_at_open_home = Statement("ties_at_open_home", lambda: _union(*_ties()[1:], _actions()))


class Way(enum.Enum):
    """What has to be asked about follows, by the page."""

    FULL = enum.auto()
    OPEN = enum.auto()
    """All is for everybody: nothing."""
    OPEN_HOME = enum.auto()
    """All is for everybody, as far as it is of those one follows."""

    @classmethod
    def of(cls, *, is_open: bool, home: bool = False) -> Way:
        """Return the way for a page."""
        if not is_open:
            return cls.FULL
        return cls.OPEN_HOME if home else cls.OPEN

    @property
    def is_open(self) -> bool:
        """Return whether nobody is asked for who is approved."""
        return self is not Way.FULL


_BY_WAY = {Way.FULL: _to_twoots, Way.OPEN: _to_open_twoots, Way.OPEN_HOME: _at_open_home}


@dataclass(frozen=True, slots=True)
class Sight:
    """How somebody stands to what a page shows; who is not named is a stranger."""

    ties: dict[int, Ties]
    flags: dict[int, Flags]

    def to(self, author_id: int) -> Ties:
        """Return how the viewer stands to an author."""
        return self.ties.get(author_id, STRANGERS)

    def and_of(self, other: Sight) -> Sight:
        """Return this and another one of the same viewer."""
        return Sight({**self.ties, **other.ties}, {**self.flags, **other.flags})

    def of(self, twoot_id: int) -> Flags:
        """Return what the viewer did with a twoot."""
        return self.flags.get(twoot_id, NOTHING)


NOTHING = _ALL_FLAGS[0]


def fetch(
    tx: Session, viewer_id: int, author_ids: Sequence[int], twoot_ids: Sequence[int], now_ms: int
) -> Sight:
    """Return how a viewer stands to authors and what it did with twoots; reads a row per tie and action at most."""
    asked = sight(viewer_id, author_ids, twoot_ids, now_ms)
    found: list[Sight] = tx.ask([asked]) if author_ids else [Sight({}, {})]
    return found[0]


def sight(
    viewer_id: int,
    author_ids: Sequence[int],
    twoot_ids: Sequence[int],
    now_ms: int,
    way: Way = Way.FULL,
) -> Question[Sight]:
    """Ask how a viewer stands to authors, of which there is one at least, and what it did with twoots."""
    given: dict[str, Any] = {"viewer_id": viewer_id, "author_ids": author_ids, "now_ms": now_ms}
    if not twoot_ids:
        return Question(_to_authors, given, _sight)
    return Question(_BY_WAY[way], {**given, "twoot_ids": twoot_ids}, _sight)


def _sight(rows: list[Row]) -> Sight:
    ties: dict[int, int] = {}
    flags: dict[int, int] = {}
    for what, other, kind in rows:
        if what == _ACTION:
            flags[other] = flags.get(other, 0) | _FLAGS[kind]
        else:
            ties[other] = ties.get(other, 0) | _BITS[what]
    return Sight(
        {other: _ALL_TIES[held] for other, held in ties.items()},
        {other: _ALL_FLAGS[done] for other, done in flags.items()},
    )


def between(tx: Session, pairs: Sequence[tuple[int, int]], now_ms: int) -> dict[tuple[int, int], Ties]:
    """Return what decides about what viewers may see of authors, by (viewer, author); strangers are not named.

    That is all but `follows`. A query for every 50 pairs: to plan one with 250 takes MariaDB twenty times as long.
    """
    found: defaultdict[tuple[int, int], dict[str, bool]] = defaultdict(dict)
    for at in range(0, len(pairs), _PAIRS):
        some = pairs[at : at + _PAIRS]
        turned = [(author_id, viewer_id) for viewer_id, author_id in some]
        for what, viewer_id, author_id in tx.all(
            _of_pairs, to_authors=some, to_viewers=turned, now_ms=now_ms
        ):
            found[viewer_id, author_id][_TIES[what]] = True
    return {pair: Ties(**held) for pair, held in found.items()}


def of_viewers(
    tx: Session, viewer_ids: Sequence[int], author_ids: Sequence[int], twoot_ids: Sequence[int], now_ms: int
) -> dict[int, Sight]:
    """Return how each of many viewers stands to a few authors and twoots; who is not named is a stranger to all.

    A query for every 200 viewers.
    """
    rows: defaultdict[int, list[Row]] = defaultdict(list)
    for at in range(0, len(viewer_ids), _VIEWERS):
        some = viewer_ids[at : at + _VIEWERS]
        given = {"author_ids": author_ids, "twoot_ids": twoot_ids, "now_ms": now_ms}
        for what, viewer_id, other, kind in tx.all(_of_viewers, viewer_ids=some, **given):
            rows[viewer_id].append((what, other, kind))
    return {viewer_id: _sight(found) for viewer_id, found in rows.items()}
