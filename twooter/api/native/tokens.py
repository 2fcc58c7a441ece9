"""Tokens over HTTP: sign in, list, sign out; the shape of a token."""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.lists import Lists
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain.tokens import NewToken, Token
from twooter.services.tokens import Tokens


class SignInBody(params.Body):
    """Who signs in."""

    username: str = Field(max_length=254, description="The username, or the confirmed mail address.")
    password: str = Field(max_length=1000)


class TokenShape(BaseModel):
    """A bearer token, without its secret."""

    id: str
    created_at: str
    expires_at: str
    last_used_at: str = Field(description="Exact to ten minutes.")
    user_agent: str


class NewTokenShape(TokenShape):
    """A token just made: `token` is shown this once, for `Authorization: Bearer TOKEN`."""

    token: str


class TokenPage(BaseModel):
    """A page of tokens, newest first."""

    items: list[TokenShape]
    next: str | None
    prev: str | None


def token(value: Token) -> dict[str, Any]:
    """Return the shape of a token."""
    return {
        "id": str(value.id),
        "created_at": rfc3339(value.created_ms),
        "expires_at": rfc3339(value.expires_ms),
        "last_used_at": rfc3339(value.last_used_ms),
        "user_agent": value.user_agent,
    }


def new_token(value: NewToken) -> dict[str, Any]:
    """Return the shape of a token just made."""
    return token(value.token) | {"token": value.bearer}


class TokensResource:
    """`/v1/tokens`."""

    def __init__(self, tokens: Tokens, clients: Clients, lists: Lists) -> None:
        self._tokens = tokens
        self._clients = clients
        self._lists = lists

    @operation("Sign in", body=SignInBody, answers={201: NewTokenShape}, errors=(401, 429))
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign in."""
        given = params.body(req, SignInBody)
        made = self._tokens.sign_in(given.username, given.password, self._clients.of(req))
        resp.status = falcon.HTTP_201
        resp.location = f"/v1/tokens/{made.token.id}"
        resp.media = new_token(made)

    @operation("List one's tokens", auth=Auth.REQUIRED, query=PageQuery, answers={200: TokenPage})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List."""
        query = params.query(req, PageQuery)
        self._lists.answer(req, resp, query, partial(self._tokens.fetch, req.context.viewer), token)

    @operation("Sign out everywhere", auth=Auth.REQUIRED, answers={204: None})
    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign out everywhere."""
        self._tokens.revoke_all(req.context.viewer)
        resp.status = falcon.HTTP_204


class TokenResource:
    """`/v1/tokens/{id}`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @operation("Sign out one token", auth=Auth.REQUIRED, answers={204: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Sign out."""
        self._tokens.revoke(req.context.viewer, params.id_of(id, "token"))
        resp.status = falcon.HTTP_204
