"""Hashtags over HTTP: how one is used, those with a prefix, those that trend."""

from __future__ import annotations

from typing import Any

import falcon
import orjson
from pydantic import BaseModel, Field

from twooter.api import lists, params
from twooter.api.operations import operation
from twooter.api.params import Integer
from twooter.api.spans import SpanQuery
from twooter.api.times import rfc3339
from twooter.domain.hashtags import HashtagHistory, HashtagWindow
from twooter.domain.pages import DEFAULT_LIMIT
from twooter.services.histories import MAX_HASHTAGS, Histories


class HashtagWindowShape(BaseModel):
    """Uses of a hashtag in a window of time."""

    start: str
    uses: int
    accounts: int | None = Field(description="Distinct accounts; only where windows are days.")


class HashtagShape(BaseModel):
    """A hashtag and how it is used."""

    name: str = Field(description="The spelling stored first.")
    uses: int
    accounts: int = Field(description="Distinct accounts, for all time.")
    last_used_at: str | None
    windows: list[HashtagWindowShape] = Field(description="Oldest first, without gaps.")


class TrendShape(HashtagShape):
    """A hashtag that more accounts use than expected."""

    score: float


class HashtagList(BaseModel):
    """Hashtags, the most used first, with their last seven days."""

    items: list[HashtagShape]
    next: None = Field(description="Always null: there is one page.")
    prev: None = Field(description="Always null, as `next`.")


class TrendList(BaseModel):
    """Trends, the strongest first, with their last 24 hours."""

    items: list[TrendShape]
    next: None = Field(description="Always null: there is one page.")
    prev: None = Field(description="Always null, as `next`.")


class LimitQuery(params.Query):
    """How many hashtags."""

    limit: Integer = Field(DEFAULT_LIMIT, ge=1, le=MAX_HASHTAGS, description="Hashtags to return.")


class PrefixQuery(LimitQuery):
    """Which hashtags."""

    prefix: str = Field(min_length=1, max_length=100, description="How they begin, in any spelling.")


def hashtag(value: HashtagHistory) -> dict[str, Any]:
    """Return the shape of a hashtag."""
    return {
        "name": value.name,
        "uses": max(0, value.uses),
        "accounts": max(0, value.accounts),
        "last_used_at": None if value.last_used_ms is None else rfc3339(value.last_used_ms),
        "windows": [_window(window) for window in value.windows],
    }


def trend(value: HashtagHistory) -> dict[str, Any]:
    """Return the shape of a trend."""
    return hashtag(value) | {"score": value.score}


def _window(value: HashtagWindow) -> dict[str, Any]:
    accounts = None if value.accounts is None else max(0, value.accounts)
    return {"start": rfc3339(value.start_ms), "uses": max(0, value.uses), "accounts": accounts}


def send(req: falcon.Request, resp: falcon.Response, value: Any) -> None:  # Any: JSON values
    """Send an answer that is the same for everyone, or 304."""
    body = orjson.dumps(value)
    lists.send(req, resp, body, lists.etag_of(body))


class HashtagResource:
    """`/v1/hashtags/{tag}`."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    @operation(
        "Read how a hashtag is used",
        query=SpanQuery,
        answers={200: HashtagShape},
        errors=(404, 422),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, tag: str) -> None:
        """Read."""
        query = params.query(req, SpanQuery)
        send(req, resp, hashtag(self._histories.get(tag, query.unit, query.from_ms, query.to_ms)))


class HashtagsResource:
    """`/v1/hashtags`."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    @operation("Find hashtags by their beginning", query=PrefixQuery, answers={200: HashtagList}, cached=True)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Find."""
        query = params.query(req, PrefixQuery)
        found = self._histories.search(query.prefix, query.limit)
        send(req, resp, {"items": [hashtag(value) for value in found], "next": None, "prev": None})


class TrendsResource:
    """`/v1/trends`."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    @operation("List what trends", query=LimitQuery, answers={200: TrendList}, cached=True)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List."""
        found = self._histories.trends(params.query(req, LimitQuery).limit)
        send(req, resp, {"items": [trend(value) for value in found], "next": None, "prev": None})
