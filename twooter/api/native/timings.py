"""Timings over HTTP, for administrators: how long requests and statements take, over all processes."""

from __future__ import annotations

from typing import Any, Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.native.analytics import range_of
from twooter.api.operations import Auth, operation
from twooter.api.spans import Interval, SpanQuery
from twooter.api.times import rfc3339
from twooter.domain.histograms import Histogram, percentile
from twooter.services.analytics import Analytics, Timing
from twooter.storage.timings import Kind


class TimingsQuery(SpanQuery):
    """Which times."""

    interval: Literal["minute", "hour", "day"] = Field("hour", description="How long a window is.")
    name: list[str] = Field(
        [],
        description="Only this name, such as `GET /v1/timelines/public`; may be given several times.",
    )


class TimingCounts(BaseModel):
    """How often, how often in vain, and how long; percentiles are estimated within their bucket."""

    count: int
    errors: int
    error_share: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class TimingWindow(TimingCounts):
    """The times of a window."""

    start: str


class TimingShape(TimingCounts):
    """The times of a route or statement: in all, and in each window in which there were any, oldest first."""

    name: str
    windows: list[TimingWindow]


class TimingsShape(BaseModel):
    """Times by name, in alphabetical order."""

    interval: Interval
    start: str
    end: str
    items: list[TimingShape]


def counts(value: Histogram) -> dict[str, Any]:
    """Return the shape of a histogram."""
    count = value.count
    return {
        "count": count,
        "errors": value.errors,
        "error_share": round(value.errors / count, 6) if count else 0.0,
        "mean_ms": round(value.sum_us / count / 1000, 3) if count else 0.0,
        "p50_ms": round(percentile(value.buckets, 0.50) or 0.0, 3),
        "p95_ms": round(percentile(value.buckets, 0.95) or 0.0, 3),
        "p99_ms": round(percentile(value.buckets, 0.99) or 0.0, 3),
    }


def timing(value: Timing) -> dict[str, Any]:
    """Return the shape of one name's times."""
    windows = [{"start": rfc3339(start_ms)} | counts(histogram) for start_ms, histogram in value.windows]
    return {"name": value.name} | counts(value.total) | {"windows": windows}


class TimingsResource:
    """`/v1/analytics/requests` and `/v1/analytics/queries`."""

    def __init__(self, analytics: Analytics, kind: Kind) -> None:
        self._analytics = analytics
        self._kind = kind

    @operation(
        "Read how long requests or statements take",
        auth=Auth.ADMIN,
        query=TimingsQuery,
        answers={200: TimingsShape},
        errors=(422,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        query = params.query(req, TimingsQuery)
        span = self._analytics.span(query.unit, query.from_ms, query.to_ms)
        found = self._analytics.timings(self._kind, span, query.name)
        resp.media = range_of(span) | {"items": [timing(value) for value in found]}
