"""The first version's routes over HTTP: messages and their statistics by year and tag."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import lists, params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.api.params import Integer
from twooter.api.times import rfc3339
from twooter.domain.twoots import MAX_GIVEN_TAG, MAX_MESSAGE_CODE_POINTS, Twoot
from twooter.services.messages import MAX_MESSAGES, Messages
from twooter.services.stats import MAX_YEAR, MIN_YEAR, MessageStats


class MessageBody(params.Body):
    """A message to post."""

    text: str = Field(description=f"1 to {MAX_MESSAGE_CODE_POINTS} characters, not parsed for hashtags.")
    tag: str = Field(
        description=f"Any text of 1 to {MAX_GIVEN_TAG} characters that is not white space alone; kept as typed."
    )


class MessagesQuery(params.Query):
    """Which messages to list."""

    tag: str | None = Field(
        None, min_length=1, max_length=MAX_GIVEN_TAG, description="Only this tag, in any spelling."
    )
    limit: Integer = Field(100, ge=1, le=MAX_MESSAGES, description="Messages to return.")


class MessageShape(BaseModel):
    """A message, or any other public twoot seen as one."""

    id: str
    text: str
    tag: str | None = Field(description="The tag as it was given, else the first hashtag, else null.")
    timestamp: str


class StatsQuery(params.Query):
    """The years to count, both included."""

    start: Integer = Field(MIN_YEAR, ge=MIN_YEAR, le=MAX_YEAR, description="First year.")
    end: Integer = Field(MAX_YEAR, ge=MIN_YEAR, le=MAX_YEAR, description="Last year.")


def message(twoot: Twoot) -> dict[str, Any]:
    """Return the shape of a message."""
    return {
        "id": str(twoot.id),
        "text": twoot.text,
        "tag": twoot.tag,
        "timestamp": rfc3339(twoot.created_ms),
    }


class MessagesResource:
    """`/messages`."""

    def __init__(self, messages: Messages, clients: Clients) -> None:
        self._messages = messages
        self._clients = clients

    @operation(
        "Post a message with one tag",
        auth=Auth.OPTIONAL,
        body=MessageBody,
        answers={200: str},
        errors=(401, 403, 404, 409, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Post; without a token the message belongs to `anonymous` and an Idempotency-Key is passed over."""
        given, viewer = params.body(req, MessageBody), req.context.viewer
        twoot = self._messages.post(
            viewer,
            self._clients.of(req),
            given.text,
            given.tag,
            idempotency_key=None if viewer is None else params.idempotency_key(req, given),
        )
        resp.media = f"Posted new message: {twoot.id}"

    @operation(
        "List the newest messages",
        auth=Auth.OPTIONAL,
        query=MessagesQuery,
        answers={200: list[MessageShape]},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List, newest first."""
        query = params.query(req, MessagesQuery)
        resp.media = [message(twoot) for twoot in self._messages.fetch(query.tag, query.limit)]


class MessageStatsResource:
    """`/management/message-stats`."""

    def __init__(self, stats: MessageStats) -> None:
        self._stats = stats

    @operation(
        "Count messages by year and tag",
        query=StatsQuery,
        answers={200: dict[str, dict[str, int]]},
        errors=(422,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count."""
        query = params.query(req, StatsQuery, unprocessable=True)
        edition = self._stats.edition(query.start, query.end)
        if not lists.unchanged(req, resp, edition.etag):
            resp.data, resp.content_type = self._stats.render(edition), falcon.MEDIA_JSON
