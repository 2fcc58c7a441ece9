"""Analytics over HTTP: series of twoots and hashtags, and the summary."""

from __future__ import annotations

from typing import Any, Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.native.hashtags import HashtagShape, TrendShape, hashtag, send, trend
from twooter.api.operations import operation
from twooter.api.params import Integer
from twooter.api.spans import Interval, SpanQuery
from twooter.api.times import rfc3339
from twooter.domain.windows import Span, Unit, WindowCounts
from twooter.services.analytics import Analytics, Summary
from twooter.services.histories import MAX_HASHTAGS

_TEXTS = ("twoots", "replies", "accounts")
_ACTS = ("follows", "likes", "retwoots")


class SeriesQuery(SpanQuery):
    """Which series."""

    group_by: Literal["hashtag"] | None = Field(
        None, description="`hashtag`: a series for each, instead of one for the instance."
    )
    hashtag: list[str] = Field(
        [],
        description=f"Only this hashtag, in any spelling; may be given up to {MAX_HASHTAGS} times. "
        "Without it, those that lead the range.",
    )
    limit: Integer = Field(10, ge=1, le=MAX_HASHTAGS, description="Hashtags to return when none is named.")


class WindowShape(BaseModel):
    """What happened on the whole instance in a window of time."""

    start: str
    twoots: int
    replies: int
    accounts: int = Field(description="Accounts that registered.")
    active_accounts: int | None = Field(description="Accounts that posted; only where windows are days.")


class DayShape(WindowShape):
    """What happened on the whole instance on a day."""

    follows: int
    likes: int
    retwoots: int
    participants: int = Field(description="Accounts that posted, followed, liked or retwooted.")


class SeriesShape(BaseModel):
    """Windows of a range of time, oldest first, without gaps; `hashtags` instead of `windows` when grouped."""

    interval: Interval
    start: str
    end: str
    windows: list[WindowShape] | None
    hashtags: list[HashtagShape] | None


class TotalsShape(BaseModel):
    """Sums over a longer time."""

    twoots: int
    replies: int
    accounts: int = Field(description="Accounts that registered.")
    follows: int
    likes: int
    retwoots: int


class SummaryShape(BaseModel):
    """How the instance does now."""

    totals: TotalsShape
    today: DayShape
    last_7_days: TotalsShape
    days: list[DayShape] = Field(description="The last seven days, oldest first, today included.")
    top_hashtags: list[HashtagShape] = Field(description="Those that lead the last seven days.")
    trends: list[TrendShape]


def window(value: WindowCounts, unit: Unit) -> dict[str, Any]:
    """Return the shape of a window."""
    active = max(0, value.active_accounts) if unit is Unit.DAY else None
    return {"start": rfc3339(value.start_ms)} | _sums([value], _TEXTS) | {"active_accounts": active}


def day(value: WindowCounts) -> dict[str, Any]:
    """Return the shape of a day."""
    return window(value, Unit.DAY) | _sums([value], (*_ACTS, "participants"))


def totals(values: list[WindowCounts]) -> dict[str, int]:
    """Return the shape of sums."""
    return _sums(values, (*_TEXTS, *_ACTS))


def _sums(values: list[WindowCounts], names: tuple[str, ...]) -> dict[str, int]:
    return {name: max(0, sum(getattr(value, name) for value in values)) for name in names}


def range_of(span: Span) -> dict[str, str]:
    """Return the part of an answer that says which windows it is made of."""
    return {
        "interval": span.unit.name.lower(),
        "start": rfc3339(span.starts[0]),
        "end": rfc3339(span.end_ms),
    }


def summary(value: Summary) -> dict[str, Any]:
    """Return the shape of the summary."""
    days = list(value.days)
    return {
        "totals": totals([value.totals]),
        "today": day(days[-1]),
        "last_7_days": totals(days),
        "days": [day(value) for value in days],
        "top_hashtags": [hashtag(history) for history in value.top],
        "trends": [trend(history) for history in value.trends],
    }


class SeriesResource:
    """`/v1/analytics/twoots`."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    @operation(
        "Count twoots by window",
        query=SeriesQuery,
        answers={200: SeriesShape},
        errors=(422,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count; naming a hashtag groups by hashtags, too."""
        query = params.query(req, SeriesQuery)
        span = self._analytics.span(query.unit, query.from_ms, query.to_ms)
        found, by_window, by_tag = range_of(span), None, None
        if query.group_by or query.hashtag:
            by_tag = [hashtag(h) for h in self._analytics.hashtags(span, query.hashtag, query.limit)]
        else:
            by_window = [window(value, span.unit) for value in self._analytics.instance(span)]
        send(req, resp, found | {"windows": by_window, "hashtags": by_tag})


class SummaryResource:
    """`/v1/analytics/summary`."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    @operation("Read how the instance does", answers={200: SummaryShape}, cached=True)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        send(req, resp, summary(self._analytics.summary()))
