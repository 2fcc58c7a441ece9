"""Twoots over HTTP: publish, read, delete; the shape of a twoot."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.api.times import rfc3339
from twooter.domain import grammar, ids
from twooter.domain.twoots import Card, Draft
from twooter.services.limits import Limits
from twooter.services.twoots import Twoots


class PublishBody(params.Body):
    """A twoot to publish."""

    text: str = Field(
        max_length=10_000,
        description="1 to 280 characters as people count them, of which no control characters but tab and line feed; "
        "hashtags and mentions are read from it.",
    )
    reply_to: str | None = Field(None, max_length=20, description="Id of the twoot this answers.")
    language: str | None = Field(
        None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16, description="BCP 47 tag."
    )


class AuthorShape(BaseModel):
    """Who wrote a twoot."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None


class TwootCounts(BaseModel):
    """How others answered a twoot."""

    replies: int
    likes: int
    retwoots: int
    quotes: int


class TwootShape(BaseModel):
    """A twoot."""

    id: str
    type: str = Field(
        description="Always `twoot` today; a row that repeats another's twoot will say so here."
    )
    text: str
    html: str
    author: AuthorShape
    created_at: str
    edited_at: str | None
    visibility: str
    language: str | None
    reply_to: str | None
    quote_of: str | None
    hashtags: list[str]
    mentions: list[str]
    counts: TwootCounts
    viewer: None = Field(description="What the viewer did with it; null as long as there is nothing to do.")
    url: str


def twoot(card: Card, *, public_url: str) -> dict[str, Any]:
    """Return the shape of a twoot."""
    return content(card, public_url=public_url) | {"counts": counts(card)}


def content(card: Card, *, public_url: str) -> dict[str, Any]:
    """Return what of a twoot's shape changes only with its version or its author's."""
    value, author = card.twoot, card.author
    return {
        "id": str(value.id),
        "type": "twoot",
        "text": value.text,
        "html": grammar.render(value.text, public_url=public_url, hashtags=value.given_tag is None),
        "author": {
            "id": str(author.id),
            "username": author.username,
            "display_name": author.display_name,
            "avatar_url": None,
        },
        "created_at": rfc3339(value.created_ms),
        "edited_at": None if value.edited_ms is None else rfc3339(value.edited_ms),
        "visibility": value.visibility.value,
        "language": value.language,
        "reply_to": None if value.parent is None else str(value.parent.id),
        "quote_of": None,
        "hashtags": list(value.hashtags) if value.given_tag is None else [value.given_tag],
        "mentions": list(grammar.parse(value.text).mentions),
        "viewer": None,
        "url": f"{public_url}/v1/twoots/{value.id}",
    }


def counts(card: Card) -> dict[str, int]:
    """Return a twoot's counts; a worker may be a moment behind, but nobody sees less than nothing."""
    value = card.twoot
    return {
        "replies": max(0, value.replies),
        "likes": max(0, value.likes),
        "retwoots": max(0, value.retwoots),
        "quotes": max(0, value.quotes),
    }


class TwootsResource:
    """`/v1/twoots`."""

    def __init__(self, twoots: Twoots, limits: Limits, clients: Clients, *, public_url: str) -> None:
        self._twoots = twoots
        self._limits = limits
        self._clients = clients
        self._public_url = public_url

    @operation(
        "Publish a twoot",
        auth=Auth.REQUIRED,
        body=PublishBody,
        answers={201: TwootShape},
        errors=(403, 404, 409, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Publish."""
        given = params.body(req, PublishBody)
        self._limits.twoot(req.context.viewer.account_id, self._clients.of(req))
        # what is no id is the id of no twoot
        reply_to = None if given.reply_to is None else ids.parse(given.reply_to) or 0
        card = self._twoots.publish(
            req.context.viewer,
            Draft(given.text, reply_to, given.language),
            idempotency_key=params.idempotency_key(req, given),
            request_id=req.context.request_id,
        )
        resp.status = falcon.HTTP_201
        resp.location = f"/v1/twoots/{card.twoot.id}"
        resp.media = twoot(card, public_url=self._public_url)


class TwootResource:
    """`/v1/twoots/{id}`."""

    def __init__(self, twoots: Twoots, *, public_url: str) -> None:
        self._twoots = twoots
        self._public_url = public_url

    @operation("Read a twoot", auth=Auth.OPTIONAL, answers={200: TwootShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        resp.media = twoot(self._twoots.get(params.id_of(id, "twoot")), public_url=self._public_url)

    @operation("Delete one's own twoot", auth=Auth.REQUIRED, answers={204: None}, errors=(403, 404))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Delete."""
        self._twoots.delete(req.context.viewer, params.id_of(id, "twoot"), request_id=req.context.request_id)
        resp.status = falcon.HTTP_204
