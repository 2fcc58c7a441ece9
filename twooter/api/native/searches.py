"""Search over HTTP: twoots by their words, accounts by their names, hashtags by their beginnings."""

from __future__ import annotations

import enum
from functools import partial

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.accounts import AccountShape, account
from twooter.api.native.hashtags import HashtagShape, hashtag
from twooter.api.native.twoots import TwootShape
from twooter.api.operations import Auth, operation
from twooter.domain.searches import MAX_QUERY
from twooter.services.limits import Limits
from twooter.services.searches import Searches


class SearchType(enum.StrEnum):
    """What is looked for."""

    TWOOTS = "twoots"
    ACCOUNTS = "accounts"
    HASHTAGS = "hashtags"


class SearchQuery(params.PageQuery):
    """What to look for."""

    q: str = Field(
        min_length=1,
        max_length=MAX_QUERY,
        description="Any text. Twoots are found that have all of its words (up to 32, in any order) in their text, "
        "their content warning and their poll's options; words in quotes stand side by side. Capitals do not matter. "
        "`from:name` are that account's alone, `#tag` those under a hashtag, `since:2026-01-31` and `until:2026-01-31` "
        "those of that day (UTC) and later, or earlier. What is no word is passed over; a text without words, hashtags "
        "and `from:` finds nothing. Accounts and hashtags are found by how their names begin: a username, a display "
        "name, or either from one of its words on.",
    )
    type: SearchType = Field(
        SearchType.TWOOTS,
        description="`twoots`: public ones, newest first; one that has just been written is found a moment later. "
        "`accounts`: in the order of the alphabet; with a token, up to ten of those you follow come first (of the "
        "1,000 you followed last), and there alone. `hashtags`: the most used first, one page.",
    )


class SearchPage(BaseModel):
    """What was found; a page may be shorter than asked for, or empty, and still have a `next`."""

    items: list[TwootShape | AccountShape | HashtagShape] = Field(description="Of the type asked for.")
    next: str | None
    prev: str | None = Field(description="Of twoots: what is newer. Null for accounts and hashtags.")


class SearchResource:
    """`/v1/search`."""

    def __init__(
        self, searches: Searches, limits: Limits, clients: Clients, lists: Lists, fragments: Fragments
    ) -> None:
        self._searches = searches
        self._limits = limits
        self._clients = clients
        self._lists = lists
        self._fragments = fragments

    @operation(
        "Search twoots, accounts and hashtags",
        auth=Auth.OPTIONAL,
        query=SearchQuery,
        answers={200: SearchPage},
        errors=(429,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Search."""
        query, viewer = params.query(req, SearchQuery), req.context.viewer
        self._limits.search(None if viewer is None else viewer.account_id, self._clients.of(req))
        answer = partial(self._lists.answer, req, resp, query)
        if query.type is SearchType.ACCOUNTS:
            answer(partial(self._searches.accounts, query.q, viewer=viewer), account)
        elif query.type is SearchType.HASHTAGS:
            answer(partial(self._searches.hashtags, query.q), hashtag)
        else:
            answer(partial(self._searches.twoots, query.q, viewer=viewer), self._fragments.item)
