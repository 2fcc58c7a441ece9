"""What an audit reads of edges: what they are made of, in ranges of twoots and of accounts' actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from peewee import JOIN, fn

from twooter.domain.actions import Kind
from twooter.storage import sources
from twooter.storage.database import Row, Session
from twooter.storage.edges import SIDES, EdgeKind, Side
from twooter.storage.statements import Statement, p
from twooter.storage.tables import Actions, TwootActions, Twoots

ActionKey = tuple[int, int, int]
"""(account, twoot, kind): what an account has done is read in this order."""
Select = Any
"""Peewee's queries: they are of the table they begin with, and joined to any."""
_SHARD = "an audit goes over the shard it is connected to"
_KINDS = {Kind.LIKE: EdgeKind.LIKE, Kind.RETWOOT: EdgeKind.RETWOOT}
_SPOKEN_OF = {
    EdgeKind.REPLY: (Twoots.reply_to_author_id, Twoots.reply_to_id),
    EdgeKind.QUOTE: (Twoots.quote_of_author_id, Twoots.quote_of_id),
}
"""How a twoot names what it makes an edge at."""
_Concerned = Twoots.alias("concerned")
_Texts = Twoots.alias("texts")


@dataclass(frozen=True, slots=True)
class Witness:
    """An edge as it should be, by what it comes from, and as it is; `edge_version` is None where there is none."""

    kind: EdgeKind
    author_id: int
    twoot_id: int
    by_id: int
    beside_id: int
    wanted: bool
    version: int
    edge_version: int | None
    active: bool

    @property
    def key(self) -> tuple[int, int, int]:
        """Return what tells edges of a kind apart."""
        return self.author_id, self.twoot_id, self.by_id


def _in_range(query: Select) -> Select:
    found: Select = query.where((Twoots.id >= p("low")) & (Twoots.id < p("high"))).limit(p("limit"))
    return found


def _counts_off(side: Side) -> Select:
    counter = getattr(Twoots, side.counter)
    counted = fn.COALESCE(fn.SUM(side.field("active")), 0)
    query = (
        Twoots.select(Twoots.author_id, Twoots.id, counter - counted)
        .join(side.table, JOIN.LEFT_OUTER, on=side.under(Twoots.author_id, Twoots.id))
        .group_by(Twoots.author_id, Twoots.id, counter)
        .having(counter != counted)
    )
    return _in_range(query)


def _texts(kind: EdgeKind, side: Side) -> Select:
    author, twoot = _SPOKEN_OF[kind]
    edge = side.under(author, twoot) & (side.field(side.by) == Twoots.id)
    query = (
        Twoots.select(
            author,
            twoot,
            Twoots.id,
            Twoots.author_id,
            Twoots.version,
            side.field("version"),
            side.field("active"),
        )
        .join(_Concerned, on=((_Concerned.author_id == author) & (_Concerned.id == twoot)))
        .join_from(Twoots, side.table, JOIN.LEFT_OUTER, on=edge)
        .order_by(Twoots.id)
    )
    return _in_range(query)


def _orphans(side: Side) -> Select:
    by, beside = side.field(side.by), side.field(side.beside)
    source: Any
    if side.action is None:
        source, gone = _Texts, _Texts.id.is_null()
        on = (_Texts.author_id == beside) & (_Texts.id == by)
    else:
        source, gone = Actions, Actions.account_id.is_null()
        on = (Actions.account_id == by) & (Actions.twoot_id == Twoots.id) & (Actions.kind == int(side.action))
    query = (
        Twoots.select(Twoots.author_id, Twoots.id, by, beside, side.field("version"))
        .join(side.table, on=side.under(Twoots.author_id, Twoots.id))
        .join_from(side.table, source, JOIN.LEFT_OUTER, on=on)
        .where((side.field("active") == 1) & gone)
    )
    return _in_range(query)


def _statement(name: str, build: Callable[[], Select]) -> Statement:
    return Statement(name, build, scatter=_SHARD)


_COUNTS_OFF = {
    kind: _statement(f"audit_{side.counter}_off", lambda side=side: _counts_off(side))  # type: ignore[misc]  # the default binds this round's side
    for kind, side in SIDES.items()
}
_TEXTS = {
    kind: _statement(f"audit_{kind}_texts", lambda kind=kind: _texts(kind, SIDES[kind]))  # type: ignore[misc]  # as above
    for kind in _SPOKEN_OF
}
_ORPHANS = {
    kind: _statement(f"audit_{kind}_orphans", lambda side=side: _orphans(side))  # type: ignore[misc]  # as above
    for kind, side in SIDES.items()
}
_after = (Actions.account_id > p("account_id")) | (
    (Actions.account_id == p("account_id"))
    & (
        (Actions.twoot_id > p("twoot_id"))
        | ((Actions.twoot_id == p("twoot_id")) & (Actions.kind > p("kind")))
    )
)
_actions = _statement(
    "audit_actions",
    lambda: (
        Actions.select(
            Actions.account_id,
            Actions.twoot_id,
            Actions.kind,
            Twoots.author_id,
            Actions.edge_id,
            Actions.active,
            Actions.version,
            TwootActions.version,
            TwootActions.active,
        )
        .join(
            Twoots,
            JOIN.LEFT_OUTER,
            on=((Twoots.author_id == Actions.author_id) & (Twoots.id == Actions.twoot_id)),
        )
        .join_from(
            Actions,
            TwootActions,
            JOIN.LEFT_OUTER,
            on=(
                (TwootActions.author_id == Actions.author_id)
                & (TwootActions.twoot_id == Actions.twoot_id)
                & (TwootActions.kind == Actions.kind)
                & (TwootActions.account_id == Actions.account_id)
            ),
        )
        .where((Actions.account_id >= p("account_id")) & (Actions.account_id < p("high")) & _after)
        .order_by(Actions.account_id, Actions.twoot_id, Actions.kind)
        .limit(p("limit"))
    ),
)


def fetch_counts_off(tx: Session, kind: EdgeKind, low: int, high: int) -> list[tuple[int, int, int]]:
    """Return (author, twoot, difference) where a counter is not that of the active edges; at most one page."""
    rows = tx.all(_COUNTS_OFF[kind], low=low, high=high, limit=sources.PAGE)
    return [(row[0], row[1], int(row[2])) for row in rows]


def fetch_texts(tx: Session, kind: EdgeKind, low: int, high: int) -> list[Witness]:
    """Return the edges of answers or quotes with ids in [low, high) to twoots that exist; at most one page."""
    rows = tx.all(_TEXTS[kind], low=low, high=high, limit=sources.PAGE)
    return [Witness(kind, row[0], row[1], row[2], row[3], True, row[4], row[5], bool(row[6])) for row in rows]


def fetch_orphans(tx: Session, kind: EdgeKind, low: int, high: int) -> list[Witness]:
    """Return active edges of twoots with ids in [low, high) that come from nothing; at most one page."""
    rows = tx.all(_ORPHANS[kind], low=low, high=high, limit=sources.PAGE)
    return [Witness(kind, row[0], row[1], row[2], row[3], False, 0, row[4], True) for row in rows]


def fetch_actions(tx: Session, after: ActionKey, high: int) -> tuple[list[Witness], ActionKey | None]:
    """Return the edges that one page of actions of accounts below `high` makes, and its last key; None at the end.

    What was done with a twoot that is gone, and what concerns nobody else, is passed over.
    """
    account_id, twoot_id, kind = after
    given = {"account_id": account_id, "twoot_id": twoot_id, "kind": kind, "high": high}
    rows = tx.all(_actions, **given, limit=sources.PAGE)
    found = [_witness(row) for row in rows if row[3] is not None and row[2] in _KINDS]
    last = (rows[-1][0], rows[-1][1], rows[-1][2]) if len(rows) == sources.PAGE else None
    return found, last


def _witness(row: Row) -> Witness:
    account_id, twoot_id, kind, author_id, edge_id, wanted, version, edge_version, active = row
    return Witness(
        _KINDS[kind],
        author_id,
        twoot_id,
        account_id,
        edge_id,
        bool(wanted),
        version,
        edge_version,
        bool(active),
    )
