"""Accounts over HTTP: register, read, look up; the shape of an account."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.api.times import rfc3339
from twooter.domain import ids
from twooter.domain.accounts import Account
from twooter.services.accounts import Accounts


class RegisterBody(params.Body):
    """A new account."""

    username: str = Field(max_length=100, description="1 to 30 of a-z, 0-9 and _; capitals become small.")
    email: str = Field(max_length=254, description="Gets a mail to confirm it; never shown to others.")
    password: str = Field(max_length=1000, description="8 to 256 characters.")


class LookupQuery(params.Query):
    """Whom to look up."""

    username: str = Field(max_length=100, description="Without @, in any case.")


class AccountCounts(BaseModel):
    """How much an account has done."""

    twoots: int
    followers: int
    following: int


class AccountShape(BaseModel):
    """An account as everybody sees it."""

    id: str
    username: str
    display_name: str
    bio: str
    created_at: str
    bot: bool
    protected: bool
    counts: AccountCounts


def account(value: Account) -> dict[str, Any]:
    """Return the shape of an account."""
    return {
        "id": str(value.id),
        "username": value.username,
        "display_name": value.display_name,
        "bio": value.bio,
        "created_at": rfc3339(ids.time_ms(value.id)),
        "bot": value.bot,
        "protected": value.protected,
        "counts": {
            "twoots": max(0, value.twoots),
            "followers": max(0, value.followers),
            "following": max(0, value.following),
        },
    }


class AccountsResource:
    """`/v1/accounts`."""

    def __init__(self, accounts: Accounts, clients: Clients) -> None:
        self._accounts = accounts
        self._clients = clients

    @operation("Register an account", body=RegisterBody, answers={201: AccountShape}, errors=(409, 429))
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Register."""
        given = params.body(req, RegisterBody)
        made = self._accounts.register(given.username, given.email, given.password, self._clients.of(req))
        resp.status = falcon.HTTP_201
        resp.location = f"/v1/accounts/{made.id}"
        resp.media = account(made)


class AccountResource:
    """`/v1/accounts/{id}`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation("Read an account", auth=Auth.OPTIONAL, answers={200: AccountShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        resp.media = account(self._accounts.get(params.id_of(id, "account"), req.context.viewer))


class LookupResource:
    """`/v1/accounts/lookup`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation(
        "Find an account by its username",
        auth=Auth.OPTIONAL,
        query=LookupQuery,
        answers={200: AccountShape},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Look up."""
        username = params.query(req, LookupQuery).username
        resp.media = account(self._accounts.lookup(username, req.context.viewer))
