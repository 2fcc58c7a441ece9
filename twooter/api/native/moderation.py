"""Moderation over HTTP: hide twoots, silence and suspend accounts, read the log of it."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.lists import Lists
from twooter.api.native.reports import person
from twooter.api.native.twoots import AuthorShape
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain.moderation import Act, Standing
from twooter.services.moderation import Entry, Moderation


class WhyBody(params.Body):
    """Why a moderator does something."""

    reason: str = Field(max_length=20_000, description="For the log: 1 to 500 characters.")


class StandingShape(BaseModel):
    """What moderators have made of an account."""

    account_id: str
    silenced: bool
    suspended: bool


class DeedShape(BaseModel):
    """A row of the log: who did what to whom, when and why."""

    id: str
    created_at: str
    act: Act
    moderator: AuthorShape | None = Field(description="Null: an operator, or an account that is gone.")
    account_id: str
    account: AuthorShape | None = Field(description="Null: it is gone.")
    twoot_id: str | None
    report_id: str | None
    reason: str


class DeedPage(BaseModel):
    """A page of the log, newest first."""

    items: list[DeedShape]
    next: str | None
    prev: str | None


def standing(value: Standing) -> dict[str, Any]:
    """Return the shape of what moderators have made of an account."""
    return {
        "account_id": str(value.account_id),
        "silenced": value.silenced,
        "suspended": value.suspended,
    }


def deed(value: Entry) -> dict[str, Any]:
    """Return the shape of a row of the log."""
    done = value.deed
    return {
        "id": str(done.id),
        "created_at": rfc3339(done.done_ms),
        "act": done.act.value,
        "moderator": person(value.moderator),
        "account_id": str(done.account_id),
        "account": person(value.account),
        "twoot_id": None if done.twoot_id is None else str(done.twoot_id),
        "report_id": None if done.report_id is None else str(done.report_id),
        "reason": done.reason,
    }


class ModerationResource:
    """What these resources share."""

    def __init__(self, moderation: Moderation) -> None:
        self._moderation = moderation


class HideResource(ModerationResource):
    """`/v1/moderation/twoots/{id}/hide`."""

    @operation(
        "Hide a twoot from all but its author, as a moderator",
        auth=Auth.MODERATOR,
        body=WhyBody,
        answers={204: None},
        errors=(404, 422),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Hide."""
        reason = params.body(req, WhyBody).reason
        self._moderation.hide(req.context.viewer, params.id_of(id, "twoot"), reason)
        resp.status = falcon.HTTP_204

    @operation("Hide a twoot no more", auth=Auth.MODERATOR, answers={204: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Show."""
        self._moderation.show(req.context.viewer, params.id_of(id, "twoot"))
        resp.status = falcon.HTTP_204


class SilenceResource(ModerationResource):
    """`/v1/moderation/accounts/{id}/silence`."""

    @operation(
        "Silence an account to all but its followers, as a moderator",
        auth=Auth.MODERATOR,
        body=WhyBody,
        answers={200: StandingShape},
        errors=(404, 422),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Silence."""
        reason, account_id = params.body(req, WhyBody).reason, params.id_of(id, "account")
        resp.media = standing(self._moderation.silence(req.context.viewer, account_id, reason))

    @operation("Silence an account no more", auth=Auth.MODERATOR, answers={200: StandingShape}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Unsilence."""
        account_id = params.id_of(id, "account")
        resp.media = standing(self._moderation.unsilence(req.context.viewer, account_id))


class SuspendResource(ModerationResource):
    """`/v1/moderation/accounts/{id}/suspend`."""

    @operation(
        "Suspend an account: it and its twoots are hidden, as a moderator",
        auth=Auth.MODERATOR,
        body=WhyBody,
        answers={200: StandingShape},
        errors=(404, 422),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Suspend."""
        reason, account_id = params.body(req, WhyBody).reason, params.id_of(id, "account")
        resp.media = standing(self._moderation.suspend(req.context.viewer, account_id, reason))

    @operation("Suspend an account no more", auth=Auth.MODERATOR, answers={200: StandingShape}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Readmit."""
        account_id = params.id_of(id, "account")
        resp.media = standing(self._moderation.readmit(req.context.viewer, account_id))


class LogResource:
    """`/v1/moderation/log`."""

    def __init__(self, moderation: Moderation, lists: Lists) -> None:
        self._moderation = moderation
        self._lists = lists

    @operation(
        "Read what moderators did, as a moderator",
        auth=Auth.MODERATOR,
        query=PageQuery,
        answers={200: DeedPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        query, viewer = params.query(req, PageQuery), req.context.viewer
        self._lists.answer(req, resp, query, lambda page: self._moderation.deeds(viewer, page), deed)
