"""Actions: what an account did with twoots, its own side; retwoots are rows of its timeline."""

from __future__ import annotations

from twooter.domain.actions import Kind
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Row
from twooter.storage.database import Session
from twooter.storage.statements import Statement, p
from twooter.storage.tables import Actions
from twooter.storage.twoots import NEWEST

_FIELDS = (Actions.edge_id, Actions.account_id, Actions.twoot_id, Actions.author_id)

_page = Statement(
    "actions_page",
    lambda: (
        Actions.select(*_FIELDS)
        .where(
            (Actions.account_id == p("account_id"))
            & (Actions.kind == p("kind"))
            & (Actions.active == 1)
            & (Actions.edge_id < p("before"))
        )
        .order_by(Actions.edge_id.desc())
        .limit(p("limit"))
    ),
)
_page_after = Statement(
    "actions_page_after",
    lambda: (
        Actions.select(*_FIELDS)
        .where(
            (Actions.account_id == p("account_id"))
            & (Actions.kind == p("kind"))
            & (Actions.active == 1)
            & (Actions.edge_id > p("after"))
        )
        .order_by(Actions.edge_id)
        .limit(p("limit"))
    ),
)


def fetch(tx: Session, account_id: int, kind: Kind, page: Page) -> list[Row]:
    """Return one page of what an account did of one kind in reading order, and one more; ids are those of the doing."""
    given = {"account_id": account_id, "kind": int(kind), "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(_page_after, after=page.after, **given)
    else:
        rows = tx.all(_page, before=page.before or NEWEST, **given)
    return [Row(row[0], row[1], Ref(row[2], row[3])) for row in rows]
