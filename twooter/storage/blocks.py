"""Blocks: whom an account blocks, at its own side; the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.pages import Page
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Blocks
from twooter.storage.twoots import NEWEST

_insert = Insert("block_insert", Blocks, ("account_id", "target_id", "edge_id"), duplicate="ignore")
_remove = Statement(
    "block_remove",
    lambda: Blocks.delete().where((Blocks.account_id == p("account_id")) & Blocks.target_id.in_(each("ids"))),
)
_some = Statement(
    "blocks_some",
    lambda: Blocks.select(Blocks.target_id).where(
        (Blocks.account_id == p("account_id")) & Blocks.target_id.in_(each("ids"))
    ),
)
_page = Statement(
    "blocks_page",
    lambda: (
        Blocks.select(Blocks.edge_id, Blocks.target_id)
        .where((Blocks.account_id == p("account_id")) & (Blocks.edge_id < p("before")))
        .order_by(Blocks.edge_id.desc())
        .limit(p("limit"))
    ),
)
_page_after = Statement(
    "blocks_page_after",
    lambda: (
        Blocks.select(Blocks.edge_id, Blocks.target_id)
        .where((Blocks.account_id == p("account_id")) & (Blocks.edge_id > p("after")))
        .order_by(Blocks.edge_id)
        .limit(p("limit"))
    ),
)


def insert(tx: Session, account_id: int, target_id: int, edge_id: int) -> None:
    """Note that an account blocks another; one that is there keeps its place."""
    tx.insert_later(_insert, [(account_id, target_id, edge_id)])


def remove(tx: Session, account_id: int, target_ids: Sequence[int]) -> int:
    """Take blocks back; return how many there were."""
    return tx.run(_remove, account_id=account_id, ids=target_ids)


def fetch_some(tx: Session, account_id: int, others: Sequence[int]) -> set[int]:
    """Return those of the others that an account blocks."""
    return {row[0] for row in tx.all(_some, account_id=account_id, ids=others)} if others else set()


def holds(tx: Session, account_id: int, other_id: int) -> bool:
    """Return whether an account blocks another."""
    return bool(fetch_some(tx, account_id, [other_id]))


def fetch(tx: Session, account_id: int, page: Page) -> list[tuple[int, int]]:
    """Return one page of (edge id, account) that an account blocks, in reading order, and one more."""
    given = {"account_id": account_id, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(_page_after, after=page.after, **given)
    else:
        rows = tx.all(_page, before=page.before or NEWEST, **given)
    return [(row[0], row[1]) for row in rows]
