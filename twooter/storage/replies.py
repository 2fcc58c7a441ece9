"""Reply edges: at the parent's author, changed only by a greater version, and the count that follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, in_rows, p
from twooter.storage.tables import TwootReplies, Twoots

_ensure = Insert(
    "reply_edge_ensure",
    TwootReplies,
    ("parent_author_id", "parent_id", "reply_id", "reply_author_id", "version", "active"),
    duplicate="ignore",
)
_edges = Statement(
    "reply_edges",
    lambda: TwootReplies.select(
        TwootReplies.parent_author_id,
        TwootReplies.parent_id,
        TwootReplies.reply_id,
        TwootReplies.version,
        TwootReplies.active,
    ).where(in_rows((TwootReplies.parent_author_id, TwootReplies.parent_id, TwootReplies.reply_id), "keys")),
    lock="FOR UPDATE",
)
_set = Statement(
    "reply_edge_set",
    lambda: TwootReplies.update(version=p("version"), active=p("active")).where(
        (TwootReplies.parent_author_id == p("parent_author_id"))
        & (TwootReplies.parent_id == p("parent_id"))
        & (TwootReplies.reply_id == p("reply_id"))
    ),
)
_move = Statement(
    "twoot_move_replies",
    lambda: Twoots.update(replies=Twoots.replies + p("by")).where(
        (Twoots.author_id == p("author_id")) & (Twoots.id == p("id"))
    ),
)


@dataclass(frozen=True, slots=True)
class ReplyEdge:
    """A reply to a twoot; the greatest version is the last acknowledged state."""

    parent_author_id: int
    parent_id: int
    reply_id: int
    reply_author_id: int
    version: int
    active: bool


def apply(tx: Session, edges: Sequence[ReplyEdge]) -> None:
    """Bring edges of one account to the given states; repetition and any order end the same.

    Edges are locked before they are compared, so that two workers never count one change twice.
    """
    newest: dict[tuple[int, int, int], ReplyEdge] = {}
    for edge in edges:
        key = (edge.parent_author_id, edge.parent_id, edge.reply_id)
        if key not in newest or edge.version > newest[key].version:
            newest[key] = edge
    keys = sorted(newest)
    tx.insert(_ensure, [(*key, newest[key].reply_author_id, 0, False) for key in keys])
    moves: dict[tuple[int, int], int] = {}
    for author_id, parent_id, reply_id, version, active in tx.all(_edges, keys=keys):
        edge = newest[author_id, parent_id, reply_id]
        if edge.version <= version:
            continue
        tx.run(
            _set,
            parent_author_id=author_id,
            parent_id=parent_id,
            reply_id=reply_id,
            version=edge.version,
            active=edge.active,
        )
        moves[author_id, parent_id] = moves.get((author_id, parent_id), 0) + edge.active - bool(active)
    for (author_id, id_), by in sorted(moves.items()):
        if by:
            tx.run(_move, author_id=author_id, id=id_, by=by)


def move(tx: Session, author_id: int, id_: int, by: int) -> None:
    """Change the number of a twoot's replies, relative to what it is."""
    tx.run(_move, author_id=author_id, id=id_, by=by)
