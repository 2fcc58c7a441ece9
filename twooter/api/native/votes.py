"""Votes over HTTP: vote in a twoot's poll."""

from __future__ import annotations

import falcon
from pydantic import Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.native.twoots import TwootShape, twoot
from twooter.api.operations import Auth, operation
from twooter.domain.polls import MAX_OPTIONS
from twooter.services.limits import Limits
from twooter.services.polls import Polls


class VoteBody(params.Body):
    """A vote."""

    choices: list[int] = Field(
        min_length=1,
        max_length=MAX_OPTIONS,
        description="Places of options, the first is 0: one, or several where the poll says `multiple`.",
    )


class VoteResource:
    """`/v1/twoots/{id}/vote`."""

    def __init__(self, polls: Polls, limited: tuple[Limits, Clients], *, public_url: str) -> None:
        self._polls = polls
        self._limits, self._clients = limited
        self._public_url = public_url

    @operation(
        "Vote in a twoot's poll, once and for all",
        auth=Auth.REQUIRED,
        body=VoteBody,
        answers={200: TwootShape},
        errors=(403, 404, 409, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Vote."""
        given, number = params.body(req, VoteBody), params.id_of(id, "twoot")
        viewer, request_id = req.context.viewer, req.context.request_id
        self._limits.action(viewer.account_id, self._clients.of(req))
        card = self._polls.vote(viewer, number, given.choices, request_id=request_id)
        resp.media = twoot(card, public_url=self._public_url)
