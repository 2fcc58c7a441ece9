"""Remains: what others left below twoots that are gone, at their authors; noted with the deletion, removed later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from twooter.storage.database import Session
from twooter.storage.edges import SIDES, Side
from twooter.storage.maintenance import LEDGER_KEPT_MS
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import GoneTwoots, ThreadReplies

KEPT_MS = LEDGER_KEPT_MS
"""Longer than any batch is kept: whatever was on its way to a twoot has arrived by then, or never will."""
STEP = 500
"""Rows of each table that one transaction removes."""

_note = Insert(
    "gone_twoot_insert", GoneTwoots, ("author_id", "twoot_id", "due_ms"), duplicate="ignore", numbers=True
)
_due = Statement(
    "gone_twoots_due",
    lambda: (
        GoneTwoots.select(GoneTwoots.author_id, GoneTwoots.twoot_id)
        .where(GoneTwoots.due_ms < p("now_ms"))
        .order_by(GoneTwoots.due_ms)
        .limit(p("limit"))
    ),
    scatter="a sweep of the shard it is connected to, by an index of times",
)
_forget = Statement(
    "gone_twoots_forget",
    lambda: GoneTwoots.delete().where(
        (GoneTwoots.author_id == p("author_id")) & GoneTwoots.twoot_id.in_(each("twoot_ids"))
    ),
)


class _Statements:
    """What finds and removes rows of one table below twoots of one author."""

    def __init__(self, name: str, side: Side) -> None:
        author, twoot, by = (side.field(column) for column in (side.author, side.twoot, side.by))
        kind = None if side.action is None else (side.field("kind") == int(side.action))
        of_author = author == p("author_id")
        among = of_author if kind is None else of_author & kind
        self.find = Statement(
            f"remains_of_{name}",
            lambda: (
                side.table.select(twoot, by).where(among & twoot.in_(each("twoot_ids"))).limit(p("limit"))
            ),
        )
        self.remove = Statement(
            f"remains_of_{name}_remove",
            lambda: side.table.delete().where(among & (twoot == p("twoot_id")) & by.in_(each("bys"))),
        )


_TABLES = (
    *(_Statements(kind.value, side) for kind, side in SIDES.items()),
    _Statements(
        "threads", Side(ThreadReplies, "author_id", "twoot_id", "reply_id", "reply_author_id", "replies")
    ),
)


def note(tx: Session, author_id: int, twoot_ids: Sequence[int], due_ms: int) -> None:
    """Note that twoots are gone, in the transaction in which they go, and from when on what is left of them goes."""
    if twoot_ids:
        tx.insert_later(_note, [(author_id, id_, due_ms) for id_ in twoot_ids])


def fetch_due(tx: Session, now_ms: int, limit: int) -> dict[int, list[int]]:
    """Return by author twoots whose remains are to go, the longest due first."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for author_id, twoot_id in tx.all(_due, now_ms=now_ms, limit=limit):
        found[author_id].append(twoot_id)
    return dict(found)


def remove_some(tx: Session, author_id: int, twoot_ids: Sequence[int]) -> bool:
    """Remove some of what stands below an author's gone twoots, and with the last of it the notes; return whether that
    is done.
    """
    is_last = True
    for table in _TABLES:
        rows = tx.all(table.find, author_id=author_id, twoot_ids=twoot_ids, limit=STEP)
        bys: defaultdict[int, list[int]] = defaultdict(list)
        for twoot_id, by in rows:
            bys[twoot_id].append(by)
        for twoot_id, some in sorted(bys.items()):
            tx.run_later(table.remove, author_id=author_id, twoot_id=twoot_id, bys=sorted(some))
        is_last = is_last and len(rows) < STEP
    if is_last:
        tx.run_later(_forget, author_id=author_id, twoot_ids=twoot_ids)
    return is_last
