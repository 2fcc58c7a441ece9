"""Mutes: whom an account does not want to read, for a time or without an end; the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.pages import Page
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Mutes
from twooter.storage.twoots import NEWEST

_put = Insert(
    "mute_put",
    Mutes,
    ("account_id", "target_id", "edge_id", "until_ms"),
    duplicate={"edge_id": "set", "until_ms": "set"},
)
_remove = Statement(
    "mute_remove",
    lambda: Mutes.delete().where((Mutes.account_id == p("account_id")) & Mutes.target_id.in_(each("ids"))),
)
_page = Statement(
    "mutes_page",
    lambda: (
        Mutes.select(Mutes.edge_id, Mutes.target_id, Mutes.until_ms)
        .where((Mutes.account_id == p("account_id")) & (Mutes.edge_id < p("before")))
        .order_by(Mutes.edge_id.desc())
        .limit(p("limit"))
    ),
)
_page_after = Statement(
    "mutes_page_after",
    lambda: (
        Mutes.select(Mutes.edge_id, Mutes.target_id, Mutes.until_ms)
        .where((Mutes.account_id == p("account_id")) & (Mutes.edge_id > p("after")))
        .order_by(Mutes.edge_id)
        .limit(p("limit"))
    ),
)


def put(tx: Session, account_id: int, target_id: int, edge_id: int, until_ms: int | None) -> None:
    """Note that an account mutes another from now on, until a time or without an end."""
    tx.insert(_put, [(account_id, target_id, edge_id, until_ms)])


def remove(tx: Session, account_id: int, target_ids: Sequence[int]) -> None:
    """Take mutes back."""
    tx.run(_remove, account_id=account_id, ids=target_ids)


def fetch(tx: Session, account_id: int, page: Page) -> list[tuple[int, int, int | None]]:
    """Return one page of (edge id, account, until) that an account mutes, in reading order, and one more.

    Some of them may have ended: they are pruned now and then.
    """
    given = {"account_id": account_id, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(_page_after, after=page.after, **given)
    else:
        rows = tx.all(_page, before=page.before or NEWEST, **given)
    return [(row[0], row[1], row[2]) for row in rows]
