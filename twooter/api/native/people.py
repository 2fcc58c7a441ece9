"""Lists of accounts over HTTP: followers, following, follow requests, blocks, mutes."""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.lists import Lists
from twooter.api.native.accounts import AccountShape, account
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.services.people import Muted, People


class AccountPage(BaseModel):
    """A page of accounts, the newest first; it may be shorter than asked for, and still have a `next`."""

    items: list[AccountShape]
    next: str | None
    prev: str | None


class MutedShape(AccountShape):
    """An account that you mute."""

    muted_until: str | None = Field(description="Null for a mute without an end.")


class MutedPage(BaseModel):
    """A page of accounts, the newest first; it may be shorter than asked for, and still have a `next`."""

    items: list[MutedShape]
    next: str | None
    prev: str | None


def muted(value: Muted) -> dict[str, Any]:
    """Return the shape of a muted account."""
    until = None if value.until_ms is None else rfc3339(value.until_ms)
    return account(value.account) | {"muted_until": until}


class PeopleResource:
    """What the lists share: where to read."""

    def __init__(self, people: People, lists: Lists) -> None:
        self._people = people
        self._lists = lists


class FollowersResource(PeopleResource):
    """`/v1/accounts/{id}/followers`."""

    @operation(
        "Read who follows an account; a protected one's is 404 but for its followers",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: AccountPage},
        errors=(404,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, account_id = params.query(req, PageQuery), params.id_of(id, "account")
        read = partial(self._people.followers, account_id, viewer=req.context.viewer)
        self._lists.answer(req, resp, query, read, account)


class FollowingResource(PeopleResource):
    """`/v1/accounts/{id}/following`."""

    @operation(
        "Read whom an account follows; a protected one's is 404 but for its followers",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: AccountPage},
        errors=(404,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, account_id = params.query(req, PageQuery), params.id_of(id, "account")
        read = partial(self._people.following, account_id, viewer=req.context.viewer)
        self._lists.answer(req, resp, query, read, account)


class FollowRequestsResource(PeopleResource):
    """`/v1/follow-requests`."""

    @operation("Read who asks to follow you", auth=Auth.REQUIRED, query=PageQuery, answers={200: AccountPage})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._people.requests, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, account)


class BlocksResource(PeopleResource):
    """`/v1/blocks`."""

    @operation("Read whom you block", auth=Auth.REQUIRED, query=PageQuery, answers={200: AccountPage})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._people.blocked, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, account)


class MutesResource(PeopleResource):
    """`/v1/mutes`."""

    @operation("Read whom you mute", auth=Auth.REQUIRED, query=PageQuery, answers={200: MutedPage})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._people.muted, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, muted)
