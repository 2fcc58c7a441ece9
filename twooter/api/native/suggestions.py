"""Suggestions over HTTP: whom the viewer might follow."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.native.accounts import AccountShape, account
from twooter.api.operations import Auth, operation
from twooter.api.params import Integer
from twooter.domain.pages import DEFAULT_LIMIT
from twooter.services.suggestions import MAX_SUGGESTIONS, Suggested, Suggestions


class SuggestionShape(AccountShape):
    """An account that you might follow."""

    known_followers: int = Field(description="How many of those you follow follow it, of the newest of both.")


class SuggestionList(BaseModel):
    """Accounts that many of those you follow follow, most first; computed every few minutes."""

    items: list[SuggestionShape]
    next: None = Field(description="Always null: there is one page.")
    prev: None = Field(description="Always null, as `next`.")


class SuggestionsQuery(params.Query):
    """How many."""

    limit: Integer = Field(DEFAULT_LIMIT, ge=1, le=MAX_SUGGESTIONS, description="Accounts to return.")


def suggestion(value: Suggested) -> dict[str, Any]:
    """Return the shape of a suggestion."""
    return account(value.account) | {"known_followers": value.followed_by}


class SuggestionsResource:
    """`/v1/suggestions`."""

    def __init__(self, suggestions: Suggestions) -> None:
        self._suggestions = suggestions

    @operation(
        "Read whom you might follow",
        auth=Auth.REQUIRED,
        query=SuggestionsQuery,
        answers={200: SuggestionList},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        limit = params.query(req, SuggestionsQuery).limit
        found = self._suggestions.fetch(req.context.viewer, limit)
        resp.media = {"items": [suggestion(value) for value in found], "next": None, "prev": None}
