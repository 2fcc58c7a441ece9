"""Edges: what others did with a twoot, at its author; changed only by a greater version, and the counts that follow."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Expression

from twooter.domain.actions import Kind
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, in_rows, p
from twooter.storage.tables import Table, TwootActions, TwootQuotes, TwootReplies, Twoots


class EdgeKind(enum.StrEnum):
    """What an edge is made of; each has a counter of twoots."""

    REPLY = "reply"
    QUOTE = "quote"
    LIKE = "like"
    RETWOOT = "retwoot"


@dataclass(frozen=True, slots=True)
class Edge:
    """What something does to a twoot of `author_id`; the greatest version is the last acknowledged state.

    It comes from `by_id`: a reply, a quote, or the account that likes or retwoots. `beside_id` is who wrote that reply
    or quote, and of what an account did the id it has in lists.
    """

    kind: EdgeKind
    author_id: int
    twoot_id: int
    by_id: int
    beside_id: int
    version: int
    active: bool


@dataclass(frozen=True, slots=True)
class Side:
    """Where edges of a kind stand: a table, the names its columns have there, and the counter that follows them."""

    table: type[Table]
    author: str
    twoot: str
    by: str
    beside: str
    counter: str
    action: Kind | None = None

    def field(self, name: str) -> Any:  # Any: Peewee's fields are whatever their rows hold
        """Return a column of the table."""
        return getattr(self.table, name)

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns of the key, in its order."""
        kind = () if self.action is None else ("kind",)
        return (self.author, self.twoot, *kind, self.by)

    def key_of(self, edge: Edge) -> tuple[int, ...]:
        """Return the key that an edge has in the table."""
        kind = () if self.action is None else (int(self.action),)
        return (edge.author_id, edge.twoot_id, *kind, edge.by_id)

    def under(self, author: Any, twoot: Any) -> Expression:  # Any: as above
        """Return the condition of being an edge of this kind under a twoot."""
        found: Expression = (self.field(self.author) == author) & (self.field(self.twoot) == twoot)
        return found if self.action is None else found & (self.field("kind") == int(self.action))


def _of_actions(counter: str, action: Kind) -> Side:
    return Side(TwootActions, "author_id", "twoot_id", "account_id", "edge_id", counter, action)


SIDES = {
    EdgeKind.REPLY: Side(
        TwootReplies, "parent_author_id", "parent_id", "reply_id", "reply_author_id", "replies"
    ),
    EdgeKind.QUOTE: Side(
        TwootQuotes, "quoted_author_id", "quoted_id", "quote_id", "quote_author_id", "quotes"
    ),
    EdgeKind.LIKE: _of_actions("likes", Kind.LIKE),
    EdgeKind.RETWOOT: _of_actions("retwoots", Kind.RETWOOT),
}


class _Statements:
    """What is run for edges of one kind."""

    def __init__(self, kind: EdgeKind, side: Side) -> None:
        columns = (*side.key, side.beside, "version", "active")
        counter = getattr(Twoots, side.counter)
        self.ensure = Insert(f"{kind}_edge_ensure", side.table, columns, duplicate="ignore", numbers=True)
        self.fetch = Statement(
            f"{kind}_edges",
            lambda: side.table.select(*(side.field(name) for name in (*side.key, "version", "active"))).where(
                in_rows([side.field(name) for name in side.key], "keys")
            ),
            lock="FOR UPDATE",
        )
        self.put = Insert(
            f"{kind}_edge_put",
            side.table,
            columns,
            duplicate={side.beside: "set", "version": "set", "active": "set"},
            numbers=True,
        )
        self.move = Statement(
            f"twoot_move_{side.counter}",
            lambda: Twoots.update({counter: counter + p("by")}).where(
                (Twoots.author_id == p("author_id")) & (Twoots.id == p("id"))
            ),
        )


_STATEMENTS = {kind: _Statements(kind, side) for kind, side in SIDES.items()}


def apply(tx: Session, edges: Sequence[Edge]) -> None:
    """Bring edges of one account to the given states; repetition and any order end the same.

    Edges are locked before they are compared, so that two workers never count one change twice.
    """
    for kind, side in SIDES.items():
        newest = _newest(side, (edge for edge in edges if edge.kind is kind))
        if newest:
            _apply(tx, _STATEMENTS[kind], newest)


def _newest(side: Side, edges: Iterable[Edge]) -> dict[tuple[int, ...], Edge]:
    newest: dict[tuple[int, ...], Edge] = {}
    for edge in edges:
        key = side.key_of(edge)
        if key not in newest or edge.version > newest[key].version:
            newest[key] = edge
    return newest


def _apply(tx: Session, statements: _Statements, newest: dict[tuple[int, ...], Edge]) -> None:
    keys = sorted(newest)
    tx.insert(statements.ensure, [(*key, newest[key].beside_id, 0, 0) for key in keys])
    changed, moves = [], Counter[tuple[int, int]]()
    for *columns, version, active in tx.all(statements.fetch, keys=keys):
        key = tuple(columns)
        edge = newest[key]
        if edge.version > version:
            changed.append((*key, edge.beside_id, edge.version, int(edge.active)))
            moves[edge.author_id, edge.twoot_id] += edge.active - bool(active)
    tx.insert_later(statements.put, sorted(changed))
    for (author_id, id_), by in sorted(moves.items()):
        if by:
            tx.run_later(statements.move, author_id=author_id, id=id_, by=by)


def move(tx: Session, kind: EdgeKind, author_id: int, id_: int, by: int) -> None:
    """Change a twoot's number of edges of a kind, relative to what it is."""
    tx.run(_STATEMENTS[kind].move, author_id=author_id, id=id_, by=by)
