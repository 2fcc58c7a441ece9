"""Node numbers of ids: leased rows, so that no two processes ever make the same id."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import fn

from twooter.domain import ids
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import NodeLeases

_expired = Statement(
    "node_expired",
    lambda: (
        NodeLeases.select(NodeLeases.node, NodeLeases.until_ms)
        .where(NodeLeases.until_ms < p("now_ms"))
        .order_by(NodeLeases.until_ms)
        .limit(1)
    ),
    lock="FOR UPDATE SKIP LOCKED",
)
_highest = Statement("node_highest", lambda: NodeLeases.select(fn.MAX(NodeLeases.node)))
_new = Insert("node_insert", NodeLeases, ("node", "holder", "until_ms"), duplicate="ignore")
_take = Statement(
    "node_take",
    lambda: NodeLeases.update(holder=p("holder"), until_ms=p("until_ms")).where(
        (NodeLeases.node == p("node")) & (NodeLeases.until_ms == p("former_ms"))
    ),
)
_renew = Statement(
    "node_renew",
    lambda: NodeLeases.update(until_ms=p("until_ms")).where(
        (NodeLeases.node == p("node"))
        & (NodeLeases.holder == p("holder"))
        & (NodeLeases.until_ms > p("now_ms"))
    ),
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A node number that is the holder's until `until_ms` by the database's clock, which showed `now_ms`.

    Ids must be of later times than `after_ms`, when the former holder's lease ended.
    """

    node: int
    holder: str
    now_ms: int
    until_ms: int
    after_ms: int


def lease(tx: Session, holder: str, length_ms: int) -> Lease | None:
    """Return a lease on a free node number, or None when somebody else was faster or none is left; try again."""
    now_ms = tx.now_ms()
    row = tx.one(_expired, now_ms=now_ms)
    if row is not None:
        node, former_ms = row
        taken = tx.run(_take, node=node, holder=holder, until_ms=now_ms + length_ms, former_ms=former_ms)
        return Lease(node, holder, now_ms, now_ms + length_ms, former_ms) if taken else None
    highest = tx.one(_highest)
    node = 0 if highest is None or highest[0] is None else highest[0] + 1
    if node not in ids.LEASED_NODES:
        return None
    is_new = tx.insert(_new, [(node, holder, now_ms + length_ms)])
    return Lease(node, holder, now_ms, now_ms + length_ms, 0) if is_new else None


def renew(tx: Session, held: Lease, length_ms: int) -> Lease | None:
    """Return the lease made longer, or None when it had run out; never shorter, for ids were made in its time."""
    now_ms = tx.now_ms()
    until_ms = max(held.until_ms + 1, now_ms + length_ms)  # one more: MySQL counts only rows that it changed
    renewed = tx.run(_renew, node=held.node, holder=held.holder, now_ms=now_ms, until_ms=until_ms)
    return Lease(held.node, held.holder, now_ms, until_ms, held.after_ms) if renewed else None


def release(tx: Session, held: Lease, until_ms: int) -> None:
    """Give the number back; the next holder issues only above `until_ms`."""
    tx.run(_renew, node=held.node, holder=held.holder, now_ms=0, until_ms=until_ms)
