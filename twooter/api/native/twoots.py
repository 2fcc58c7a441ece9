"""Twoots over HTTP: publish, read, delete; the shape of a twoot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.native.polls import PollBody, PollShape, poll
from twooter.api.native.scheduled import ScheduledShape, scheduled
from twooter.api.operations import Auth, operation
from twooter.api.spans import Moment
from twooter.api.times import rfc3339
from twooter.domain import grammar, ids
from twooter.domain.accounts import Author
from twooter.domain.scheduled_twoots import ScheduledTwoot
from twooter.domain.twoots import Card, Draft, Flags, Item, Retwoot, Visibility
from twooter.services.edits import Change, Edits
from twooter.services.limits import Limits
from twooter.services.scheduled_twoots import ScheduledTwoots
from twooter.services.twoots import Twoots

LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class PublishBody(params.Body):
    """A twoot to publish."""

    text: str = Field(
        max_length=10_000,
        description="1 to 280 characters as people count them, of which no control characters but tab and line feed; "
        "hashtags and mentions are read from it.",
    )
    reply_to: str | None = Field(None, max_length=20, description="Id of the twoot this answers.")
    quote_of: str | None = Field(None, max_length=20, description="Id of the twoot this quotes.")
    visibility: Visibility = Field(
        Visibility.PUBLIC,
        strict=False,
        description="Who may see it: everybody (`public`); everybody, but not on the public and hashtags' timelines "
        "(`unlisted`); your followers and whom it mentions (`followers`); only whom it mentions (`mentioned`). What a "
        "protected account writes is for its followers at most.",
    )
    content_warning: str | None = Field(
        None, max_length=4_000, description="Up to 100 characters, one line, shown before the text."
    )
    language: str | None = Field(None, pattern=LANGUAGE, max_length=16, description="BCP 47 tag.")
    poll: PollBody | None = Field(
        None, description="A poll; it stays as it is when the twoot is changed, and goes with it."
    )

    scheduled_at: Moment | None = Field(
        None,
        description="When to publish it, from one minute to 180 days ahead; until then it is under `/v1/scheduled`, "
        "and the answer is 202. An id and a time it gets when it is published.",
    )

    def draft(self) -> Draft:
        """Return what is to be posted; what is no id is the id of no twoot."""
        reply_to, quote_of = (
            None if text is None else ids.parse(text) or 0 for text in (self.reply_to, self.quote_of)
        )
        return Draft(
            self.text,
            reply_to,
            self.language,
            quote_of,
            self.visibility,
            self.content_warning,
            None if self.poll is None else self.poll.poll(),
        )


class EditBody(params.Body):
    """What a twoot shall say; what is null or missing stays as it is."""

    text: str | None = Field(None, max_length=10_000, description="As for a new twoot.")
    content_warning: str | None = Field(
        None, max_length=4_000, description="As for a new twoot; an empty one takes the warning away."
    )
    language: str | None = Field(None, pattern=LANGUAGE, max_length=16, description="BCP 47 tag.")


class AuthorShape(BaseModel):
    """Who wrote a twoot."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None


class TwootCounts(BaseModel):
    """How others answered a twoot; follows within a second of what they did, where `viewer` is at once."""

    replies: int
    likes: int
    retwoots: int
    quotes: int


class ViewerFlags(BaseModel):
    """What the viewer did with a twoot."""

    liked: bool
    retwooted: bool
    bookmarked: bool


class QuotedShape(BaseModel):
    """The twoot that another one quotes; `withdrawn` when it is gone or not for the viewer."""

    state: Literal["shown", "withdrawn"]
    twoot: TwootShape | None


class TwootShape(BaseModel):
    """A twoot."""

    id: str
    type: Literal["twoot"]
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
    url: str
    content_warning: str | None
    quoted: QuotedShape | None
    poll: PollShape | None
    viewer: ViewerFlags | None = Field(description="Null without a token.")
    moderation: Literal["hidden"] | None = Field(
        description="`hidden`: by moderators; nobody sees it but its author and moderators."
    )


class RetwootShape(BaseModel):
    """Somebody's retwoot, as a row of a timeline; its id is its own."""

    id: str
    type: Literal["retwoot"]
    by: AuthorShape
    created_at: str
    twoot: TwootShape


ItemShape = TwootShape | RetwootShape


def twoot(card: Card, *, public_url: str) -> dict[str, Any]:
    """Return the shape of a twoot."""
    return content(card, public_url=public_url) | {
        "counts": counts(card),
        "quoted": quoted(card, partial(twoot, public_url=public_url)),
        "poll": poll(card.poll, is_anonymous=card.flags is None),
        "viewer": flags(card.flags),
        "moderation": moderation(card),
    }


def quoted(card: Card, shape: Callable[[Card], Any]) -> dict[str, Any] | None:
    """Return the shape of what a twoot quotes, its twoot as `shape` has it; None where it quotes nothing."""
    if card.twoot.quote is None:
        return None
    if card.quoted is None:
        return {"state": "withdrawn", "twoot": None}
    return {"state": "shown", "twoot": shape(card.quoted)}


def flags(value: Flags | None) -> dict[str, bool] | None:
    """Return the shape of what the viewer did with a twoot."""
    if value is None:
        return None
    return {"liked": value.liked, "retwooted": value.retwooted, "bookmarked": value.bookmarked}


def moderation(card: Card) -> str | None:
    """Return what moderators have made of a twoot."""
    return "hidden" if card.twoot.hidden else None


def item(
    value: Item, shape: Callable[[Card], Any]
) -> Any:  # Any: as `shape` has it, which may be rendered already
    """Return the shape of a timeline's row, its twoot as `shape` has it."""
    if not isinstance(value, Retwoot):
        return shape(value)
    return {
        "id": str(value.id),
        "type": "retwoot",
        "by": author(value.by),
        "created_at": rfc3339(ids.time_ms(value.id)),
        "twoot": shape(value.card),
    }


def author(value: Author) -> dict[str, Any]:
    """Return the shape of who wrote or did something."""
    return {
        "id": str(value.id),
        "username": value.username,
        "display_name": value.display_name,
        "avatar_url": None,
    }


def content(card: Card, *, public_url: str) -> dict[str, Any]:
    """Return what of a twoot's shape changes only with its version or its author's."""
    value = card.twoot
    return {
        "id": str(value.id),
        "type": "twoot",
        "text": value.text,
        "html": grammar.render(value.text, public_url=public_url, hashtags=value.given_tag is None),
        "author": author(card.author),
        "created_at": rfc3339(value.created_ms),
        "edited_at": None if value.edited_ms is None else rfc3339(value.edited_ms),
        "visibility": value.visibility.value,
        "language": value.language,
        "reply_to": None if value.parent is None else str(value.parent.id),
        "quote_of": None if value.quote is None else str(value.quote.id),
        "hashtags": list(value.hashtags) if value.given_tag is None else [value.given_tag],
        "mentions": list(grammar.parse(value.text).mentions),
        "url": f"{public_url}/v1/twoots/{value.id}",
        "content_warning": value.content_warning,
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

    def __init__(
        self,
        twoots: Twoots,
        scheduled_twoots: ScheduledTwoots,
        limits: Limits,
        clients: Clients,
        *,
        public_url: str,
    ) -> None:
        self._twoots = twoots
        self._scheduled = scheduled_twoots
        self._limits = limits
        self._clients = clients
        self._public_url = public_url

    @operation(
        "Publish a twoot, now or later",
        auth=Auth.REQUIRED,
        body=PublishBody,
        answers={201: TwootShape, 202: ScheduledShape},
        errors=(403, 404, 409, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Publish."""
        given = params.body(req, PublishBody)
        self._limits.twoot(req.context.viewer.account_id, self._clients.of(req))
        made = self._make(req, given)
        if isinstance(made, Card):
            resp.status, resp.location = falcon.HTTP_201, f"/v1/twoots/{made.twoot.id}"
            resp.media = twoot(made, public_url=self._public_url)
        else:
            resp.status, resp.location = falcon.HTTP_202, f"/v1/scheduled/{made.id}"
            resp.media = scheduled(made)

    def _make(self, req: falcon.Request, given: PublishBody) -> Card | ScheduledTwoot:
        viewer, key = req.context.viewer, params.idempotency_key(req, given)
        if given.scheduled_at is not None:
            return self._scheduled.schedule(viewer, given.draft(), given.scheduled_at, idempotency_key=key)
        request_id = req.context.request_id
        return self._twoots.publish(viewer, given.draft(), idempotency_key=key, request_id=request_id)


class TwootResource:
    """`/v1/twoots/{id}`."""

    def __init__(
        self, twoots: Twoots, edits: Edits, limits: Limits, clients: Clients, *, public_url: str
    ) -> None:
        self._twoots = twoots
        self._edits = edits
        self._limits = limits
        self._clients = clients
        self._public_url = public_url

    @operation("Read a twoot", auth=Auth.OPTIONAL, answers={200: TwootShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        card = self._twoots.get(params.id_of(id, "twoot"), req.context.viewer)
        resp.media = twoot(card, public_url=self._public_url)

    @operation(
        "Change one's own twoot",
        auth=Auth.REQUIRED,
        body=EditBody,
        answers={200: TwootShape},
        errors=(403, 404, 409, 429),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Change: hashtags and mentions follow the text, what it said is kept, who may see it stays."""
        given = params.body(req, EditBody)
        viewer, id_ = req.context.viewer, params.id_of(id, "twoot")
        self._limits.twoot(viewer.account_id, self._clients.of(req))
        change = Change(given.text, given.content_warning, given.language)
        card = self._edits.edit(viewer, id_, change, request_id=req.context.request_id)
        resp.media = twoot(card, public_url=self._public_url)

    @operation("Delete one's own twoot", auth=Auth.REQUIRED, answers={204: None}, errors=(403, 404))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Delete."""
        self._twoots.delete(req.context.viewer, params.id_of(id, "twoot"), request_id=req.context.request_id)
        resp.status = falcon.HTTP_204
