"""Relationships over HTTP: follow, block, mute, note something; the shape of a relationship."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.api.times import rfc3339
from twooter.domain import ids as id_rules
from twooter.domain.relationships import Relationship
from twooter.errors import BadRequest
from twooter.services.blocks import Blocks
from twooter.services.follow_requests import FollowRequests
from twooter.services.follows import Follows
from twooter.services.limits import Limits
from twooter.services.relationships import Relationships

MAX_IDS = 100
MIN_MUTE_SECONDS, MAX_MUTE_SECONDS = 60, 366 * 86_400


class RelationshipShape(BaseModel):
    """How you stand to an account."""

    account_id: str
    following: bool
    followed_by: bool
    requested: bool = Field(description="You asked to follow it, and it has not answered.")
    requested_by: bool = Field(description="It asked to follow you.")
    blocking: bool
    muting: bool
    muted_until: str | None = Field(description="Null also for a mute without an end.")
    note: str = Field(description="What you noted about it; nobody else reads this.")


class RelationshipList(BaseModel):
    """Relationships, in the order asked for."""

    items: list[RelationshipShape]
    next: None = Field(description="Always null: there is one page.")
    prev: None = Field(description="Always null, as `next`.")


class IdsQuery(params.Query):
    """Which accounts."""

    ids: str = Field(
        max_length=2_000,
        description=f"Up to {MAX_IDS} ids of accounts, comma separated. Those that do not exist, or block you, are "
        "left out of the answer.",
    )

    def parsed(self) -> list[int]:
        """Return the ids; what is none is the id of no account.

        Raises: BadRequest for too many.
        """
        texts = self.ids.split(",")
        if len(texts) > MAX_IDS:
            raise BadRequest(f"ids: give at most {MAX_IDS}.", code="bad_parameter", field="ids")
        return [id_ for text in texts if (id_ := id_rules.parse(text)) is not None]


class MuteBody(params.Body):
    """How to mute."""

    expires_in: int | None = Field(
        None,
        ge=MIN_MUTE_SECONDS,
        le=MAX_MUTE_SECONDS,
        description="Seconds from now on; null, nothing, or no body: without an end.",
    )


class NoteBody(params.Body):
    """A note."""

    text: str = Field(
        max_length=20_000, description="Up to 500 characters; an empty text takes the note away."
    )


def relationship(value: Relationship) -> dict[str, Any]:
    """Return the shape of a relationship."""
    return {
        "account_id": str(value.account_id),
        "following": value.following,
        "followed_by": value.followed_by,
        "requested": value.requested,
        "requested_by": value.requested_by,
        "blocking": value.blocking,
        "muting": value.muting,
        "muted_until": None if value.muted_until_ms is None else rfc3339(value.muted_until_ms),
        "note": value.note,
    }


class RelationshipsResource:
    """`/v1/relationships`."""

    def __init__(self, relationships: Relationships) -> None:
        self._relationships = relationships

    @operation(
        "Read how you stand to accounts",
        auth=Auth.REQUIRED,
        query=IdsQuery,
        answers={200: RelationshipList},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        found = self._relationships.fetch(req.context.viewer, params.query(req, IdsQuery).parsed())
        resp.media = {"items": [relationship(value) for value in found], "next": None, "prev": None}


class Changes:
    """What changes of the viewer's relationships share: they are counted, and answer with what they made."""

    def __init__(self, relationships: Relationships, limits: Limits, clients: Clients) -> None:
        self._relationships = relationships
        self._limits = limits
        self._clients = clients

    def begin(self, req: falcon.Request, id: str) -> int:
        """Return whom the request is about, counted by the limit.

        Raises: NotFound for what is no id; TooMany.
        """
        account_id = params.id_of(id, "account")
        self._limits.graph_change(req.context.viewer.account_id, self._clients.of(req))
        return account_id

    def answer(self, req: falcon.Request, resp: falcon.Response, account_id: int) -> None:
        """Answer with the relationship as it is now."""
        resp.media = relationship(self._relationships.one(req.context.viewer, account_id))


class FollowResource:
    """`/v1/accounts/{id}/follow`."""

    def __init__(self, follows: Follows, changes: Changes) -> None:
        self._follows = follows
        self._changes = changes

    @operation(
        "Follow an account, or ask a protected one",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 409, 422, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Follow."""
        account_id = self._changes.begin(req, id)
        self._follows.follow(req.context.viewer, account_id, request_id=req.context.request_id)
        self._changes.answer(req, resp, account_id)

    @operation(
        "Follow an account no more, or take a request back",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 429),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Unfollow."""
        account_id = self._changes.begin(req, id)
        self._follows.unfollow(req.context.viewer, account_id, request_id=req.context.request_id)
        self._changes.answer(req, resp, account_id)


class BlockResource:
    """`/v1/accounts/{id}/block`."""

    def __init__(self, blocks: Blocks, changes: Changes) -> None:
        self._blocks = blocks
        self._changes = changes

    @operation(
        "Block an account; neither follows or sees the other",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 422, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Block."""
        account_id = self._changes.begin(req, id)
        self._blocks.block(req.context.viewer, account_id, request_id=req.context.request_id)
        self._changes.answer(req, resp, account_id)

    @operation(
        "Block an account no more",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 429),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Unblock."""
        account_id = self._changes.begin(req, id)
        self._blocks.unblock(req.context.viewer, account_id, request_id=req.context.request_id)
        self._changes.answer(req, resp, account_id)


class MuteResource:
    """`/v1/accounts/{id}/mute`."""

    def __init__(self, relationships: Relationships, changes: Changes) -> None:
        self._relationships = relationships
        self._changes = changes

    @operation(
        "Mute an account, for a time or without an end",
        auth=Auth.REQUIRED,
        body=MuteBody,
        body_optional=True,
        answers={200: RelationshipShape},
        errors=(404, 422, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Mute."""
        given = params.optional_body(req, MuteBody)
        account_id = self._changes.begin(req, id)
        self._relationships.mute(req.context.viewer, account_id, seconds=given.expires_in)
        self._changes.answer(req, resp, account_id)

    @operation(
        "Mute an account no more",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 429),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Unmute."""
        account_id = self._changes.begin(req, id)
        self._relationships.unmute(req.context.viewer, account_id)
        self._changes.answer(req, resp, account_id)


class NoteResource:
    """`/v1/accounts/{id}/note`."""

    def __init__(self, relationships: Relationships, changes: Changes) -> None:
        self._relationships = relationships
        self._changes = changes

    @operation(
        "Note something about an account, for yourself",
        auth=Auth.REQUIRED,
        body=NoteBody,
        answers={200: RelationshipShape},
        errors=(404, 422, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Note."""
        given = params.body(req, NoteBody)
        account_id = self._changes.begin(req, id)
        self._relationships.note(req.context.viewer, account_id, given.text)
        self._changes.answer(req, resp, account_id)


class FollowRequestResource:
    """`/v1/follow-requests/{id}`, by the account that asks."""

    def __init__(self, requests: FollowRequests, changes: Changes) -> None:
        self._requests = requests
        self._changes = changes

    @operation(
        "Approve a follow request",
        auth=Auth.REQUIRED,
        answers={200: RelationshipShape},
        errors=(404, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Approve."""
        account_id = self._changes.begin(req, id)
        self._requests.approve(req.context.viewer, account_id, request_id=req.context.request_id)
        self._changes.answer(req, resp, account_id)

    @operation("Refuse a follow request", auth=Auth.REQUIRED, answers={204: None}, errors=(404, 429))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Refuse."""
        account_id = self._changes.begin(req, id)
        self._requests.refuse(req.context.viewer, account_id, request_id=req.context.request_id)
        resp.status = falcon.HTTP_204


class MyFollowerResource:
    """`/v1/me/followers/{id}`."""

    def __init__(self, requests: FollowRequests, changes: Changes) -> None:
        self._requests = requests
        self._changes = changes

    @operation("Remove a follower of yours", auth=Auth.REQUIRED, answers={204: None}, errors=(404, 429))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Remove."""
        account_id = self._changes.begin(req, id)
        self._requests.remove_follower(req.context.viewer, account_id, request_id=req.context.request_id)
        resp.status = falcon.HTTP_204
