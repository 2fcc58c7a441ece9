"""Reports: what people report, at the account it is about; read by moderators across all accounts, newest first."""

from __future__ import annotations

import peewee
from peewee import fn

from twooter.domain.moderation import Reason, Report, ReportState
from twooter.domain.pages import Page
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Reports
from twooter.storage.twoots import NEWEST

_COLUMNS = (
    "id",
    "account_id",
    "twoot_id",
    "reporter_id",
    "reason",
    "comment",
    "state",
    "assignee_id",
    "resolver_id",
    "resolved_ms",
    "note",
)
_FIELDS = tuple(getattr(Reports, name) for name in _COLUMNS)
_OF_ALL = "moderators read what is reported of any account; few read it, a page at a time, by an index"

_insert = Insert("report_insert", Reports, (*_COLUMNS, "slot", "open_id"), duplicate="ignore")
_open = Statement(
    "report_open",
    lambda: Reports.select(*_FIELDS).where(
        (Reports.account_id == p("account_id"))
        & (Reports.reporter_id == p("reporter_id"))
        & (Reports.twoot_id == p("twoot_id"))
        & (Reports.slot == 0)
    ),
)
_by_id = Statement(
    "report_by_id",
    lambda: Reports.select(*_FIELDS).where(Reports.id == p("id")),
    scatter="whom it is about is not known; on Vitess a unique lookup vindex on id finds the shard",
)
_of_account = Statement(
    "report_of_account",
    lambda: Reports.select(*_FIELDS).where((Reports.account_id == p("account_id")) & (Reports.id == p("id"))),
    lock="FOR UPDATE",
)


def _pages(state: ReportState, place: peewee.Field) -> tuple[Statement, Statement]:
    """Return what reads pages of reports in a state, by the column that is their id then, else NULL or 0."""

    def of_others() -> peewee.Expression:
        return Reports.account_id != p("viewer_id")

    return (
        Statement(
            f"reports_{state.value}",
            lambda: (
                Reports.select(*_FIELDS)
                .where((place > 0) & (place < p("before")) & of_others())
                .order_by(place.desc())
                .limit(p("limit"))
            ),
            scatter=_OF_ALL,
        ),
        Statement(
            f"reports_{state.value}_after",
            lambda: (
                Reports.select(*_FIELDS)
                .where((place > p("after")) & of_others())
                .order_by(place)
                .limit(p("limit"))
            ),
            scatter=_OF_ALL,
        ),
    )


_lists = {
    ReportState.OPEN: _pages(ReportState.OPEN, Reports.open_id),
    ReportState.RESOLVED: _pages(ReportState.RESOLVED, Reports.slot),
}
_MAX_COUNTED = 10_000
_oldest = (
    Reports.select(Reports.open_id)
    .where(Reports.open_id > 0)
    .order_by(Reports.open_id)
    .limit(_MAX_COUNTED)
    .alias("oldest")
)
_waiting = Statement(
    "reports_waiting",
    lambda: Reports.select(fn.COUNT(1), fn.MIN(_oldest.c.open_id)).from_(_oldest),
    scatter="how many wait, and for how long, of all accounts; one process asks, by an index",
)
_assign = Statement(
    "report_assign",
    lambda: Reports.update(assignee_id=p("assignee_id")).where(
        (Reports.account_id == p("account_id")) & (Reports.id == p("id")) & (Reports.slot == 0)
    ),
)
_resolve = Statement(
    "report_resolve",
    lambda: Reports.update(
        state=ReportState.RESOLVED.value,
        slot=Reports.id,
        open_id=None,
        resolver_id=p("resolver_id"),
        resolved_ms=p("resolved_ms"),
        note=p("note"),
    ).where((Reports.account_id == p("account_id")) & (Reports.id == p("id")) & (Reports.slot == 0)),
)
_some = Statement(
    "reports_some",
    lambda: (
        Reports.select(Reports.id)
        .where(Reports.account_id == p("account_id"))
        .order_by(Reports.reporter_id, Reports.twoot_id, Reports.slot)
        .limit(p("limit"))
    ),
)
_remove = Statement(
    "reports_remove",
    lambda: Reports.delete().where((Reports.account_id == p("account_id")) & Reports.id.in_(each("ids"))),
)
_STEP = 200


def _report(row: Row) -> Report:
    id_, account_id, twoot_id, reporter_id, reason, comment, state, *decided = row
    return Report(
        id_, account_id, twoot_id or None, reporter_id, Reason(reason), comment, ReportState(state), *decided
    )


def insert(tx: Session, report: Report) -> bool:
    """Write a new report; return False when its id is there, or its reporter has an open one about the same."""
    row = (
        report.id,
        report.account_id,
        report.twoot_id or 0,
        report.reporter_id,
        report.reason.value,
        report.comment,
        report.state.value,
        None,
        None,
        None,
        report.note,
        0,
        report.id,
    )
    return tx.insert(_insert, [row]) == 1


def find_open(tx: Session, account_id: int, reporter_id: int, twoot_id: int | None) -> Report | None:
    """Return what somebody has reported of an account, or of a twoot of it, and nobody has resolved."""
    row = tx.one(_open, account_id=account_id, reporter_id=reporter_id, twoot_id=twoot_id or 0)
    return None if row is None else _report(row)


def find(tx: Session, id_: int) -> Report | None:
    """Return a report by its id alone, or None."""
    row = tx.one(_by_id, id=id_)
    return None if row is None else _report(row)


def hold(tx: Session, account_id: int, id_: int) -> Report | None:
    """Return a report about an account, and let nobody change it before the transaction ends."""
    row = tx.one(_of_account, account_id=account_id, id=id_)
    return None if row is None else _report(row)


def fetch(tx: Session, state: ReportState, viewer_id: int, page: Page) -> list[Report]:
    """Return one page of reports in a state, in reading order, and one more; none that is about the viewer."""
    backwards, onwards = _lists[state]
    given = {"viewer_id": viewer_id, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(onwards, after=max(0, page.after), **given)
    else:
        rows = tx.all(backwards, before=page.before or NEWEST, **given)
    return [_report(row) for row in rows]


def assign(tx: Session, account_id: int, id_: int, assignee_id: int | None) -> None:
    """Give an open report to a moderator, or to nobody."""
    tx.run(_assign, account_id=account_id, id=id_, assignee_id=assignee_id)


def resolve(tx: Session, account_id: int, id_: int, *, resolver_id: int, resolved_ms: int, note: str) -> None:
    """Resolve an open report."""
    tx.run(
        _resolve, account_id=account_id, id=id_, resolver_id=resolver_id, resolved_ms=resolved_ms, note=note
    )


def remove_some(tx: Session, account_id: int) -> int:
    """Remove some of the reports about an account; return how many, 0 when none are left."""
    found = [row[0] for row in tx.all(_some, account_id=account_id, limit=_STEP)]
    return tx.run(_remove, account_id=account_id, ids=found) if found else 0


def count_open(tx: Session) -> tuple[int, int | None]:
    """Return how many reports are open, at most 10,000, and the id of the oldest."""
    row = tx.one(_waiting)
    return (0, None) if row is None else (row[0], row[1])
