"""Lists of accounts over HTTP: the lists, whom they hold, their timelines; the shape of a list."""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.accounts import account
from twooter.api.native.people import AccountPage
from twooter.api.native.timelines import TimelinePage
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain import ids as id_rules
from twooter.domain.account_lists import MAX_LISTS, MAX_MEMBERS, AccountList
from twooter.services.account_lists import AccountLists
from twooter.services.limits import Limits

_TITLE = "1 to 100 characters, one line."


class ListBody(params.Body):
    """A list to make."""

    title: str = Field(max_length=4_000, description=_TITLE)


class ListChangeBody(params.Body):
    """What to change; null, or nothing, leaves what is there."""

    title: str | None = Field(None, max_length=4_000, description=_TITLE)


class ListShape(BaseModel):
    """A list of accounts; only its owner knows of it."""

    id: str
    title: str
    created_at: str


class ListPage(BaseModel):
    """A page of lists, the newest first."""

    items: list[ListShape]
    next: str | None
    prev: str | None


def account_list(value: AccountList) -> dict[str, Any]:
    """Return the shape of a list."""
    created_at = rfc3339(id_rules.time_ms(value.id))
    return {"id": str(value.id), "title": value.title, "created_at": created_at}


class AccountListsResource:
    """`/v1/lists`."""

    def __init__(self, account_lists: AccountLists, limits: Limits, clients: Clients, lists: Lists) -> None:
        self._account_lists = account_lists
        self._limits = limits
        self._clients = clients
        self._lists = lists

    @operation("Read your lists", auth=Auth.REQUIRED, query=PageQuery, answers={200: ListPage})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._account_lists.fetch, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, account_list)

    @operation(
        f"Make a list; you may have {MAX_LISTS}",
        auth=Auth.REQUIRED,
        body=ListBody,
        answers={201: ListShape},
        errors=(404, 409, 422, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make."""
        given = params.body(req, ListBody)
        self._limits.graph_change(req.context.viewer.account_id, self._clients.of(req))
        key = params.idempotency_key(req, given)
        made = self._account_lists.make(req.context.viewer, given.title, idempotency_key=key)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/lists/{made.id}"
        resp.media = account_list(made)


class AccountListResource:
    """`/v1/lists/{id}`."""

    def __init__(self, account_lists: AccountLists) -> None:
        self._account_lists = account_lists

    @operation("Read a list of yours", auth=Auth.REQUIRED, answers={200: ListShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        found = self._account_lists.get(req.context.viewer, params.id_of(id, "list"))
        resp.media = account_list(found)

    @operation(
        "Give a list of yours another title",
        auth=Auth.REQUIRED,
        body=ListChangeBody,
        answers={200: ListShape},
        errors=(404, 422),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Change."""
        given, list_id = params.body(req, ListChangeBody), params.id_of(id, "list")
        resp.media = account_list(self._account_lists.rename(req.context.viewer, list_id, given.title))

    @operation("Delete a list of yours", auth=Auth.REQUIRED, answers={204: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Delete."""
        self._account_lists.remove(req.context.viewer, params.id_of(id, "list"))
        resp.status = falcon.HTTP_204


class ListAccountsResource:
    """`/v1/lists/{id}/accounts`."""

    def __init__(self, account_lists: AccountLists, lists: Lists) -> None:
        self._account_lists = account_lists
        self._lists = lists

    @operation(
        "Read whom a list of yours holds, the last added first",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: AccountPage},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, list_id = params.query(req, PageQuery), params.id_of(id, "list")
        read = partial(self._account_lists.members, req.context.viewer, list_id)
        self._lists.answer(req, resp, query, read, account)


class ListAccountResource:
    """`/v1/lists/{id}/accounts/{member}`."""

    def __init__(self, account_lists: AccountLists, limits: Limits, clients: Clients) -> None:
        self._account_lists = account_lists
        self._limits = limits
        self._clients = clients

    @operation(
        f"Put an account that you follow on a list of yours; {MAX_MEMBERS} may be on it",
        auth=Auth.REQUIRED,
        answers={204: None},
        errors=(404, 409, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str, member: str) -> None:
        """Put on."""
        list_id, member_id = params.id_of(id, "list"), params.id_of(member, "account")
        self._limits.graph_change(req.context.viewer.account_id, self._clients.of(req))
        self._account_lists.add(req.context.viewer, list_id, member_id)
        resp.status = falcon.HTTP_204

    @operation("Take an account off a list of yours", auth=Auth.REQUIRED, answers={204: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str, member: str) -> None:
        """Take off."""
        list_id, member_id = params.id_of(id, "list"), params.id_of(member, "account")
        self._account_lists.take_off(req.context.viewer, list_id, member_id)
        resp.status = falcon.HTTP_204


class ListTimeline:
    """`/v1/timelines/lists/{id}`."""

    def __init__(self, account_lists: AccountLists, lists: Lists, fragments: Fragments) -> None:
        self._account_lists = account_lists
        self._lists = lists
        self._fragments = fragments

    @operation(
        "Read what those on a list of yours, whom you follow, write and pass on",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: TimelinePage},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, list_id = params.query(req, PageQuery), params.id_of(id, "list")
        read = partial(self._account_lists.timeline, req.context.viewer, list_id)
        self._lists.answer(req, resp, query, read, self._fragments.item)
