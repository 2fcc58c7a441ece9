"""Reports: people report twoots and accounts; moderators read, take and resolve what was reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain import ids as id_rules
from twooter.domain import moderation as rules
from twooter.domain import pages, text
from twooter.domain.accounts import Viewer
from twooter.domain.moderation import Act, Case, Deed, Reason, Report, ReportState
from twooter.domain.pages import Page, Slice
from twooter.errors import Conflict, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.ids import Ids
from twooter.services.twoots import Twoots
from twooter.storage import accounts, idempotency, moderation_log, reports
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("reports")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody wants to report: a twoot, or an account."""

    account_id: int | None
    twoot_id: int | None
    reason: Reason
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a report; None leaves what is there. What `resolves` has a note."""

    assigned: bool | None = None
    resolves: bool = False
    note: str = ""


class Reports:
    """Takes reports, and shows them to moderators."""

    def __init__(self, storage: Storage, ids: Ids, cards: Cards, twoots: Twoots) -> None:
        self._storage = storage
        self._ids = ids
        self._cards = cards
        self._twoots = twoots

    def file(
        self, viewer: Viewer, complaint: Complaint, *, idempotency_key: Idempotency | None = None
    ) -> Report:
        """Report something and return the report; while one of the viewer's about the same is open, it is that one.

        Raises: Invalid for a bad comment, a key used for another request, oneself, or what does not exist or the
        viewer may not see.
        """
        comment = text.clean(complaint.comment)
        if errors := rules.check_comment(comment):
            raise Invalid(*errors)
        id_ = self._id_of(viewer, idempotency_key)
        if (known := self._storage.read(lambda tx: reports.find(tx, id_))) is not None:
            return known
        account_id = self._about(viewer, complaint)
        report = Report(id_, account_id, complaint.twoot_id, viewer.account_id, complaint.reason, comment)
        if self._storage.transact(lambda tx: reports.insert(tx, report)):
            log.info("reported", account_id=account_id, report_id=id_, reason=complaint.reason.value)
            return report
        found = self._storage.read(
            lambda tx: reports.find_open(tx, account_id, viewer.account_id, complaint.twoot_id)
        )
        if found is None:
            raise Conflict("Somebody has just resolved your former report; report it again.", code="busy")
        return found

    def fetch(self, viewer: Viewer, state: ReportState, page: Page) -> Slice[Case]:
        """Return a page of reports in a state, newest first; three queries. Nobody sees those about itself.

        Raises: Forbidden for who does not moderate.
        """
        rules.check_moderates(viewer)

        def read(tx: Session) -> Slice[Case]:
            found = reports.fetch(tx, state, viewer.account_id, page)
            cut = pages.cut(found, page, lambda report: report.id)
            return Slice(self._cases(tx, cut.items), cut.next_before, cut.prev_after)

        return self._storage.read(read)

    def decide(self, viewer: Viewer, id_: int, decision: Decision) -> Case:
        """Take a report upon oneself, give it up, or resolve it; return it.

        Raises: Forbidden for who may not; NotFound when there is none, or it is about the viewer; Invalid for a bad
        note; Conflict when it is resolved already.
        """
        rules.check_moderates(viewer)
        note = text.clean(decision.note)
        if decision.resolves and (errors := rules.check_reason("note", note)):
            raise Invalid(*errors)
        report = self._storage.read(lambda tx: reports.find(tx, id_))
        if report is None or report.account_id == viewer.account_id:
            raise NotFound("report")
        about = self._storage.read(lambda tx: accounts.find(tx, report.account_id))
        rules.check_may_act(viewer, report.account_id, about)
        made = (self._ids.make(), self._ids.make())
        deeds = self._storage.transact(lambda tx: _decide(tx, viewer, report, decision, note, made))
        for deed in deeds:
            log.info("report_decided", act=deed.act.value, report_id=id_, moderator_id=viewer.account_id)
        return self._storage.read(lambda tx: self._case(tx, id_))

    def _case(self, tx: Session, id_: int) -> Case:
        report = reports.find(tx, id_)
        if report is None:
            raise NotFound("report")  # its account has been deleted meanwhile
        return self._cases(tx, [report])[0]

    def _cases(self, tx: Session, found: Sequence[Report]) -> list[Case]:
        keys = [(one.account_id, one.twoot_id) for one in found if one.twoot_id is not None]
        named = {id_ for one in found for id_ in _named(one)}
        cards, known = self._cards.of_reported(tx, keys, named)

        return [
            Case(
                one,
                known.get(one.account_id),
                known.get(one.reporter_id),
                None if one.assignee_id is None else known.get(one.assignee_id),
                None if one.resolver_id is None else known.get(one.resolver_id),
                None if one.twoot_id is None else cards.get(one.twoot_id),
            )
            for one in found
        ]

    def _id_of(self, viewer: Viewer, key: Idempotency | None) -> int:
        """Return the id of the report that a key stands for, a new one without any.

        The key is the reporter's and the report its account's: a request that dies between the two is gone on with.
        """
        id_ = self._ids.make()
        if key is None:
            return id_
        now_ms = id_rules.time_ms(id_)
        if self._storage.transact(lambda tx: idempotency.remember(tx, viewer.account_id, key, id_, now_ms)):
            return id_
        replay = self._storage.read(lambda tx: idempotency.find(tx, viewer.account_id, key.key))
        if replay is None:
            return id_  # it was forgotten just now, after its day
        if replay.request_sha256 != key.request_sha256:
            raise Invalid.field(
                "Idempotency-Key", "key_reused", "This key was used for another request; use a new one."
            )
        return replay.resource_id

    def _about(self, viewer: Viewer, complaint: Complaint) -> int:
        """Return the account that a report is about.

        Raises: Invalid.
        """
        if complaint.twoot_id is not None:
            field, account_id = "twoot_id", self._author_of(viewer, complaint.twoot_id)
        else:
            # not by `check_account`: who is blocked may still say why
            field, wanted = "account_id", complaint.account_id or 0
            known = self._storage.read(lambda tx: accounts.fetch_authors(tx, [wanted]))
            account_id = wanted if known else None
        if account_id is None:
            raise Invalid.field(field, "not_there", "What you report does not exist.")
        if account_id == viewer.account_id:
            raise Invalid.field(field, "oneself", "You cannot report yourself.")
        return account_id

    def _author_of(self, viewer: Viewer, twoot_id: int) -> int | None:
        try:
            return self._twoots.get(twoot_id, viewer).author.id
        except NotFound:
            return None


def _named(report: Report) -> list[int]:
    """Return the accounts that a report names."""
    ids = (report.account_id, report.reporter_id, report.assignee_id, report.resolver_id)
    return [id_ for id_ in ids if id_ is not None]


def _decide(
    tx: Session, viewer: Viewer, report: Report, decision: Decision, note: str, ids: tuple[int, int]
) -> list[Deed]:
    """Write what becomes of a report, and the log of it; return what changed."""
    now = reports.hold(tx, report.account_id, report.id)
    if now is None:
        raise NotFound("report")
    if now.state is ReportState.RESOLVED:
        raise Conflict("This report is resolved already.", code="resolved")
    deeds: list[Deed] = []

    def note_down(act: Act, why: str) -> None:
        id_ = ids[len(deeds)]
        deeds.append(Deed(id_, now.account_id, viewer.account_id, act, why, now.twoot_id, now.id))

    holder = {None: now.assignee_id, True: viewer.account_id, False: None}[decision.assigned]
    if holder != now.assignee_id:
        reports.assign(tx, now.account_id, now.id, holder)
        note_down(Act.ASSIGN if decision.assigned else Act.GIVE_UP, "")
    if decision.resolves:
        at_ms = id_rules.time_ms(ids[1])
        by = viewer.account_id
        reports.resolve(tx, now.account_id, now.id, resolver_id=by, resolved_ms=at_ms, note=note)
        note_down(Act.RESOLVE, note)
    for deed in deeds:
        moderation_log.append(tx, deed)
    return deeds
