"""Scheduled twoots over HTTP: what is yet to be published, listed, changed and cancelled."""

from __future__ import annotations

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.native.polls import PollBody
from twooter.api.native.scheduled import ScheduledShape, scheduled
from twooter.api.native.twoots import LANGUAGE
from twooter.api.operations import Auth, operation
from twooter.api.spans import Moment
from twooter.domain.scheduled_twoots import MAX_SCHEDULED
from twooter.domain.twoots import Visibility
from twooter.services.limits import Limits
from twooter.services.scheduled_twoots import Rescheduling, ScheduledTwoots


class RescheduleBody(params.Body):
    """What to change; what is null or missing stays as it is, what it answers and quotes always does."""

    scheduled_at: Moment | None = Field(None, description="As for a new twoot; what was refused needs one.")
    text: str | None = Field(None, max_length=10_000, description="As for a new twoot.")
    content_warning: str | None = Field(
        None, max_length=4_000, description="As for a new twoot; an empty one takes the warning away."
    )
    language: str | None = Field(None, pattern=LANGUAGE, max_length=16, description="BCP 47 tag.")
    visibility: Visibility | None = Field(None, strict=False, description="As for a new twoot.")
    poll: PollBody | None = Field(None, description="Another poll.")

    def change(self) -> Rescheduling:
        """Return what is to be different."""
        poll = None if self.poll is None else self.poll.poll()
        return Rescheduling(
            self.scheduled_at, self.text, self.content_warning, self.language, self.visibility, poll
        )


class ScheduledPage(BaseModel):
    """Everything that is scheduled, on one page, the next first."""

    items: list[ScheduledShape]
    next: str | None
    prev: str | None


class ScheduledTwootsResource:
    """`/v1/scheduled`."""

    def __init__(self, scheduled_twoots: ScheduledTwoots) -> None:
        self._scheduled = scheduled_twoots

    @operation(
        f"Read what you have scheduled, all on one page; {MAX_SCHEDULED} at most",
        auth=Auth.REQUIRED,
        answers={200: ScheduledPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        found = self._scheduled.fetch(req.context.viewer)
        resp.media = {"items": [scheduled(value) for value in found], "next": None, "prev": None}


class ScheduledTwootResource:
    """`/v1/scheduled/{id}`."""

    def __init__(self, scheduled_twoots: ScheduledTwoots, limits: Limits, clients: Clients) -> None:
        self._scheduled = scheduled_twoots
        self._limits = limits
        self._clients = clients

    @operation(
        "Read a twoot that is yet to be published",
        auth=Auth.REQUIRED,
        answers={200: ScheduledShape},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        found = self._scheduled.get(req.context.viewer, params.id_of(id, "scheduled twoot"))
        resp.media = scheduled(found)

    @operation(
        "Change a twoot that is yet to be published, or its time",
        auth=Auth.REQUIRED,
        body=RescheduleBody,
        answers={200: ScheduledShape},
        errors=(403, 404, 409, 429),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Change."""
        given, number = params.body(req, RescheduleBody), params.id_of(id, "scheduled twoot")
        self._limits.twoot(req.context.viewer.account_id, self._clients.of(req))
        resp.media = scheduled(self._scheduled.change(req.context.viewer, number, given.change()))

    @operation(
        "Cancel a twoot that is yet to be published", auth=Auth.REQUIRED, answers={204: None}, errors=(404,)
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Cancel."""
        self._scheduled.cancel(req.context.viewer, params.id_of(id, "scheduled twoot"))
        resp.status = falcon.HTTP_204
