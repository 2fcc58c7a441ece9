"""Reports over HTTP: report a twoot or an account; moderators read, take and resolve what was reported."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.lists import Lists
from twooter.api.native.twoots import AuthorShape, TwootShape, author, twoot
from twooter.api.operations import Auth, operation
from twooter.api.times import rfc3339
from twooter.domain import ids
from twooter.domain.accounts import Account
from twooter.domain.moderation import Case, Reason, Report, ReportState
from twooter.errors import Invalid
from twooter.services.limits import Limits
from twooter.services.reports import Complaint, Decision, Reports


class ReportBody(params.Body):
    """What to report: a twoot, or an account."""

    twoot_id: str | None = Field(None, max_length=20, description="One that you see; or:")
    account_id: str | None = Field(None, max_length=20, description="One that is not you.")
    reason: Reason = Field(strict=False, description="What is wrong with it.")
    comment: str = Field(
        "", max_length=40_000, description="What moderators should know; up to 1,000 characters."
    )

    def complaint(self) -> Complaint:
        """Return what is reported; what is no id is the id of nothing.

        Raises: Invalid unless it is one of the two.
        """
        if (self.twoot_id is None) == (self.account_id is None):
            raise Invalid.field("twoot_id", "one_of_two", "Name a twoot or an account.")
        account_id, twoot_id = (
            None if text is None else ids.parse(text) or 0 for text in (self.account_id, self.twoot_id)
        )
        return Complaint(account_id, twoot_id, self.reason, self.comment)


class DecisionBody(params.Body):
    """What becomes of a report; what is null or missing stays as it is."""

    assigned: bool | None = Field(None, description="True: to you, whoever had it. False: to nobody.")
    state: Literal["resolved"] | None = Field(None, description="Once and for all; needs a note.")
    note: str = Field("", max_length=20_000, description="What was decided and why; up to 500 characters.")

    def decision(self) -> Decision:
        """Return what was decided."""
        return Decision(self.assigned, self.state is not None, self.note)


class ReportsQuery(params.PageQuery):
    """Which reports."""

    state: ReportState = Field(ReportState.OPEN, description="Whether somebody has still to decide.")


class ReportShape(BaseModel):
    """A report, as who made it sees it."""

    id: str
    created_at: str
    account_id: str
    twoot_id: str | None
    reason: Reason
    comment: str
    state: ReportState


class CaseShape(ReportShape):
    """A report as moderators see it; what has been deleted since is null."""

    account: AuthorShape | None = Field(description="Whom it is about.")
    twoot: TwootShape | None = Field(description="As it is now, whoever it is for.")
    reporter: AuthorShape | None
    assignee: AuthorShape | None
    resolved_by: AuthorShape | None
    resolved_at: str | None
    note: str


class CasePage(BaseModel):
    """A page of reports, newest first; none that is about you."""

    items: list[CaseShape]
    next: str | None
    prev: str | None


def report(value: Report) -> dict[str, Any]:
    """Return the shape of a report."""
    return {
        "id": str(value.id),
        "created_at": rfc3339(value.created_ms),
        "account_id": str(value.account_id),
        "twoot_id": None if value.twoot_id is None else str(value.twoot_id),
        "reason": value.reason.value,
        "comment": value.comment,
        "state": value.state.value,
    }


def case(value: Case, *, public_url: str) -> dict[str, Any]:
    """Return the shape of a report as moderators see it."""
    resolved_ms = value.report.resolved_ms
    return report(value.report) | {
        "account": person(value.account),
        "twoot": None if value.card is None else twoot(value.card, public_url=public_url),
        "reporter": person(value.reporter),
        "assignee": person(value.assignee),
        "resolved_by": person(value.resolver),
        "resolved_at": None if resolved_ms is None else rfc3339(resolved_ms),
        "note": value.report.note,
    }


def person(value: Account | None) -> dict[str, Any] | None:
    """Return the shape of an account that something names."""
    return None if value is None else author(value.author)


class ReportsResource:
    """`/v1/reports`."""

    def __init__(self, reports: Reports, limits: Limits, clients: Clients) -> None:
        self._reports = reports
        self._limits = limits
        self._clients = clients

    @operation(
        "Report a twoot or an account to moderators",
        auth=Auth.REQUIRED,
        body=ReportBody,
        answers={201: ReportShape},
        errors=(409, 422, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Report; while a report of yours about the same is open, it is answered with that one."""
        given, viewer = params.body(req, ReportBody), req.context.viewer
        self._limits.report(viewer.account_id, self._clients.of(req))
        key = params.idempotency_key(req, given)
        made = self._reports.file(viewer, given.complaint(), idempotency_key=key)
        resp.status, resp.media = falcon.HTTP_201, report(made)


class CasesResource:
    """`/v1/moderation/reports`."""

    def __init__(self, reports: Reports, lists: Lists, *, public_url: str) -> None:
        self._reports = reports
        self._lists = lists
        self._public_url = public_url

    @operation(
        "Read what was reported, as a moderator",
        auth=Auth.MODERATOR,
        query=ReportsQuery,
        answers={200: CasePage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        query = params.query(req, ReportsQuery)
        read = partial(self._reports.fetch, req.context.viewer, query.state)
        self._lists.answer(req, resp, query, read, partial(case, public_url=self._public_url))


class CaseResource:
    """`/v1/moderation/reports/{id}`."""

    def __init__(self, reports: Reports, *, public_url: str) -> None:
        self._reports = reports
        self._public_url = public_url

    @operation(
        "Take a report, give it up, or resolve it, as a moderator",
        auth=Auth.MODERATOR,
        body=DecisionBody,
        answers={200: CaseShape},
        errors=(404, 409, 422),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Decide."""
        given = params.body(req, DecisionBody)
        decided = self._reports.decide(req.context.viewer, params.id_of(id, "report"), given.decision())
        resp.media = case(decided, public_url=self._public_url)
