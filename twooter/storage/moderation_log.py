"""The moderation log: rows are added at the account they are about, and read across all accounts, newest first."""

from __future__ import annotations

from twooter.domain.moderation import Act, Deed
from twooter.domain.pages import Page
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import ModerationLog
from twooter.storage.twoots import NEWEST

_COLUMNS = ("id", "account_id", "moderator_id", "act", "reason", "twoot_id", "report_id")
_FIELDS = tuple(getattr(ModerationLog, name) for name in _COLUMNS)
_OF_ALL = "what was done to any account; few read it, a page at a time, by the primary key"

_insert = Insert("moderation_log_insert", ModerationLog, _COLUMNS)
_page = Statement(
    "moderation_log_page",
    lambda: (
        ModerationLog.select(*_FIELDS)
        .where(ModerationLog.id < p("before"))
        .order_by(ModerationLog.id.desc())
        .limit(p("limit"))
    ),
    scatter=_OF_ALL,
)
_page_after = Statement(
    "moderation_log_page_after",
    lambda: (
        ModerationLog.select(*_FIELDS)
        .where(ModerationLog.id > p("after"))
        .order_by(ModerationLog.id)
        .limit(p("limit"))
    ),
    scatter=_OF_ALL,
)


def append(tx: Session, deed: Deed) -> None:
    """Note what was done, in the transaction that does it; there is nothing that changes or removes a row."""
    row = (
        deed.id,
        deed.account_id,
        deed.moderator_id,
        deed.act.value,
        deed.reason,
        deed.twoot_id,
        deed.report_id,
    )
    tx.insert_later(_insert, [row])


def fetch(tx: Session, page: Page) -> list[Deed]:
    """Return one page of what was done, in reading order, and one more."""
    if page.after is not None:
        rows = tx.all(_page_after, after=page.after, limit=page.limit + 1)
    else:
        rows = tx.all(_page, before=page.before or NEWEST, limit=page.limit + 1)
    return [_deed(row) for row in rows]


def _deed(row: Row) -> Deed:
    id_, account_id, moderator_id, act, reason, twoot_id, report_id = row
    return Deed(id_, account_id, moderator_id, Act(act), reason, twoot_id, report_id)
