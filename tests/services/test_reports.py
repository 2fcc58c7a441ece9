"""Reports: one open of one account about one thing, taken and resolved once, seen by nobody they are about."""

from collections.abc import Callable

import pytest

from tests.crowds import at_once
from tests.services.conftest import SignIn
from twooter.domain.accounts import Role, Viewer
from twooter.domain.moderation import Act, Reason, ReportState
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft
from twooter.errors import Conflict, Forbidden, Invalid, NotFound
from twooter.services.house import Services
from twooter.services.reports import Complaint, Decision
from twooter.storage.idempotency import Idempotency
from twooter.storage.tables import Reports

Drain = Callable[[], None]
RESOLVED = Decision(resolves=True, note="Looked at it.")


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Return who reports."""
    return join("ada")


@pytest.fixture
def bob(join: SignIn) -> Viewer:
    """Return who is reported."""
    return join("bob")


def promoted(services: Services, viewer: Viewer, role: Role = Role.MODERATOR) -> Viewer:
    services.accounts.promote(viewer.username, role)
    return Viewer(viewer.account_id, viewer.username, role, viewer.token_id, email_confirmed=True)


@pytest.fixture
def judge(services: Services, join: SignIn) -> Viewer:
    """Return a moderator."""
    return promoted(services, join("judge"))


def about(viewer: Viewer, comment: str = "") -> Complaint:
    return Complaint(viewer.account_id, None, Reason.SPAM, comment)


def test_a_report_reaches_moderators_with_all_that_it_is_about(
    services: Services, ada: Viewer, bob: Viewer, judge: Viewer
) -> None:
    twoot = services.twoots.publish(bob, Draft("Buy this")).twoot
    made = services.reports.file(ada, Complaint(None, twoot.id, Reason.SPAM, " Look \r\n at it "))
    (case,) = services.reports.fetch(judge, ReportState.OPEN, Page()).items
    assert case.report == made
    assert made.comment == "Look \n at it"
    assert case.account is not None
    assert case.account.username == "bob"
    assert case.reporter is not None
    assert case.reporter.username == "ada"
    assert case.card is not None
    assert case.card.twoot.text == "Buy this"
    services.accounts.suspend("bob")
    (case,) = services.reports.fetch(judge, ReportState.OPEN, Page()).items
    assert case.card is not None
    assert case.account is not None
    services.accounts.suspend("bob", lift=True)
    services.twoots.delete(bob, twoot.id)
    (case,) = services.reports.fetch(judge, ReportState.OPEN, Page()).items
    assert case.card is None
    assert case.report.twoot_id == twoot.id


def test_of_one_account_about_one_thing_one_report_is_open(
    services: Services, ada: Viewer, bob: Viewer, judge: Viewer
) -> None:
    twoot = services.twoots.publish(bob, Draft("Buy this")).twoot
    made = at_once(services.storage, [lambda: services.reports.file(ada, about(bob))] * 8)
    assert len({report.id for report in made if not isinstance(report, Exception)}) == 1
    assert not [ex for ex in made if isinstance(ex, Exception)]
    first = services.reports.file(ada, about(bob, "again"))
    assert first.comment == ""
    others = [
        services.reports.file(ada, Complaint(None, twoot.id, Reason.SPAM)),
        services.reports.file(judge, about(bob)),
    ]
    assert len({report.id for report in (first, *others)}) == 3
    services.reports.decide(judge, first.id, RESOLVED)
    assert services.reports.file(ada, about(bob)).id not in {report.id for report in (first, *others)}


def test_a_key_stands_for_one_report(services: Services, ada: Viewer, bob: Viewer, judge: Viewer) -> None:
    key = Idempotency("k", "a" * 64)
    made = services.reports.file(ada, about(bob), idempotency_key=key)
    services.reports.decide(judge, made.id, RESOLVED)
    again = services.reports.file(ada, about(bob), idempotency_key=key)
    assert (again.id, again.state) == (made.id, ReportState.RESOLVED)
    with pytest.raises(Invalid, match="another request"):
        services.reports.file(ada, about(bob), idempotency_key=Idempotency("k", "b" * 64))


def test_a_report_that_died_after_its_key_was_written_is_made_by_the_next_try(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    key = Idempotency("k", "a" * 64)
    made = services.reports.file(ada, about(bob), idempotency_key=key)
    with services.storage.database.bind_ctx([Reports]):
        Reports.delete().execute()
    assert services.reports.file(ada, about(bob), idempotency_key=key) == made


def test_what_one_may_not_see_or_is_oneself_is_not_reported(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    own = services.twoots.publish(ada, Draft("Mine")).twoot.id
    services.blocks.block(bob, ada.account_id)
    unseen = services.twoots.publish(bob, Draft("Not for her")).twoot.id
    for complaint in (
        about(ada),
        Complaint(None, own, Reason.OTHER),
        Complaint(None, unseen, Reason.OTHER),
        Complaint(None, 123, Reason.OTHER),
        Complaint(123, None, Reason.OTHER),
        about(bob, "x" * 1_001),
        about(bob, "\0"),
    ):
        with pytest.raises(Invalid):
            services.reports.file(ada, complaint)
    assert (
        services.reports.file(ada, about(bob)).account_id == bob.account_id
    )  # it blocks her, and may deserve it


def test_a_report_is_taken_given_up_and_resolved_once(
    services: Services, ada: Viewer, bob: Viewer, judge: Viewer, join: SignIn
) -> None:
    other = promoted(services, join("other"))
    id_ = services.reports.file(ada, about(bob)).id
    decide = services.reports.decide
    for assigned, holder in ((True, judge), (True, judge), (False, None), (True, judge)):
        case = decide(judge, id_, Decision(assigned=assigned))
        assert (case.assignee and case.assignee.id) == (holder and holder.account_id)
    works = [lambda viewer=viewer: decide(viewer, id_, RESOLVED) for viewer in (judge, other) * 3]
    made = at_once(services.storage, works)
    assert sum(not isinstance(one, Exception) for one in made) == 1
    assert {one.code for one in made if isinstance(one, Exception)} == {"resolved"}  # type: ignore[attr-defined]  # Conflict
    assert services.reports.fetch(judge, ReportState.OPEN, Page()).items == []
    (case,) = services.reports.fetch(judge, ReportState.RESOLVED, Page()).items
    assert case.report.note == "Looked at it."
    assert case.resolver is not None
    with pytest.raises(Conflict):
        decide(judge, id_, Decision(assigned=False))
    deeds = [entry.deed for entry in services.moderation.deeds(judge, Page()).items]
    assert [deed.act for deed in deeds] == [Act.RESOLVE, Act.ASSIGN, Act.GIVE_UP, Act.ASSIGN]
    assert {(deed.report_id, deed.account_id) for deed in deeds} == {(id_, bob.account_id)}


def test_nobody_decides_about_itself_nor_a_moderator_about_an_administrator(
    services: Services, ada: Viewer, bob: Viewer, judge: Viewer
) -> None:
    about_judge = services.reports.file(ada, about(judge)).id
    assert services.reports.fetch(judge, ReportState.OPEN, Page()).items == []
    with pytest.raises(NotFound):
        services.reports.decide(judge, about_judge, RESOLVED)
    about_admin = services.reports.file(ada, about(bob)).id
    admin = promoted(services, bob, Role.ADMIN)
    with pytest.raises(Forbidden):
        services.reports.decide(judge, about_admin, RESOLVED)
    with pytest.raises(Forbidden):
        services.reports.fetch(ada, ReportState.OPEN, Page())
    assert services.reports.decide(admin, about_judge, RESOLVED).report.state is ReportState.RESOLVED
    with pytest.raises(Invalid):
        services.reports.decide(admin, about_judge, Decision(resolves=True))


def test_pages_lead_to_the_end_and_back(services: Services, bob: Viewer, judge: Viewer, join: SignIn) -> None:
    made = [services.reports.file(join(f"fan{n}"), about(bob)).id for n in range(5)]
    first = services.reports.fetch(judge, ReportState.OPEN, Page(2))
    second = services.reports.fetch(judge, ReportState.OPEN, Page(2, before=first.next_before))
    third = services.reports.fetch(judge, ReportState.OPEN, Page(2, before=second.next_before))
    found = [case.report.id for part in (first, second, third) for case in part.items]
    assert found == made[::-1]
    assert third.next_before is None
    back = services.reports.fetch(judge, ReportState.OPEN, Page(2, after=third.prev_after))
    assert [case.report.id for case in back.items] == made[::-1][2:4]


def test_reports_about_an_account_go_with_it_and_the_log_stays(
    services: Services, ada: Viewer, bob: Viewer, judge: Viewer, drain: Drain
) -> None:
    services.reports.file(ada, about(bob))
    services.reports.file(ada, about(judge))
    services.moderation.silence(judge, bob.account_id, "Too loud.")
    services.deletions.request(bob)
    drain()
    services.deletions.sweep()
    with services.storage.database.bind_ctx([Reports]):
        assert [row.account_id for row in Reports.select()] == [judge.account_id]
    (entry,) = services.moderation.deeds(judge, Page()).items
    assert (entry.deed.account_id, entry.account, entry.deed.reason) == (bob.account_id, None, "Too loud.")
    assert services.audits.audit().amounts == {}
