"""The audience over HTTP: follows, likes and retwoots by window, who takes part, and how many of them stay."""

from __future__ import annotations

from typing import Any, Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.native.analytics import range_of
from twooter.api.native.hashtags import send
from twooter.api.operations import operation
from twooter.api.params import Integer
from twooter.api.spans import Interval, SpanQuery, Time
from twooter.api.times import rfc3339
from twooter.domain import retention as rules
from twooter.domain.retention import Cohort, Reach
from twooter.domain.windows import WEEK_MS, Unit, WindowCounts
from twooter.services.analytics import Analytics

Act = Literal["follows", "likes", "retwoots"]


class CountShape(BaseModel):
    """How many there were in a window of time."""

    start: str
    count: int = Field(description="Those that hold: what was taken back since is not counted.")


class ActsShape(BaseModel):
    """Windows of a range of time, oldest first, without gaps."""

    interval: Interval
    start: str
    end: str
    windows: list[CountShape]


class PeopleShape(BaseModel):
    """Accounts in a window of time."""

    start: str
    accounts: int = Field(description="Accounts that registered.")
    active_accounts: int | None = Field(description="Accounts that posted; only where windows are days.")
    participants: int | None = Field(
        description="Accounts that posted, followed, liked or retwooted; only where windows are days."
    )


class AudienceShape(BaseModel):
    """Windows of a range of time, oldest first, without gaps."""

    interval: Interval
    start: str
    end: str
    windows: list[PeopleShape]


class RetentionQuery(params.Query):
    """Which weeks; they begin on Mondays, UTC."""

    from_ms: Time | None = Field(
        None,
        alias="from",
        description=f"Time in the first week of joining; unset: {rules.DEFAULT_COHORTS} weeks in all.",
    )
    to_ms: Time | None = Field(
        None, alias="to", description="Time the last week of joining begins before; unset: now."
    )
    weeks: Integer = Field(
        rules.DEFAULT_WEEKS, ge=1, le=rules.MAX_WEEKS, description="Weeks after the one of joining."
    )


class WeekShape(BaseModel):
    """One week of those who joined together."""

    week: int = Field(description="0 is the week in which they joined, 1 the next one.")
    start: str
    participants: int = Field(description="Those who posted, followed, liked or retwooted in this week.")


class CohortShape(BaseModel):
    """Accounts that joined in the same week, and have not been deleted."""

    start: str
    accounts: int
    weeks: list[WeekShape] = Field(description="Oldest first, up to the present week, which is not over.")


class RetentionShape(BaseModel):
    """Weeks of joining, oldest first, without gaps."""

    start: str
    end: str
    cohorts: list[CohortShape]


def people(value: WindowCounts, unit: Unit) -> dict[str, Any]:
    """Return the shape of accounts in a window."""
    is_day = unit is Unit.DAY
    return {
        "start": rfc3339(value.start_ms),
        "accounts": max(0, value.accounts),
        "active_accounts": max(0, value.active_accounts) if is_day else None,
        "participants": max(0, value.participants) if is_day else None,
    }


def cohort(value: Cohort) -> dict[str, Any]:
    """Return the shape of accounts that joined together."""
    return {
        "start": rfc3339(value.start_ms),
        "accounts": max(0, value.accounts),
        "weeks": [
            {"week": week, "start": rfc3339(value.start_ms + week * WEEK_MS), "participants": max(0, number)}
            for week, number in enumerate(value.participants)
        ],
    }


def retention(reach: Reach, cohorts: list[Cohort]) -> dict[str, Any]:
    """Return the shape of weeks of joining."""
    return {
        "start": rfc3339(reach.starts[0]),
        "end": rfc3339(reach.end_ms),
        "cohorts": [cohort(value) for value in cohorts],
    }


class ActsResource:
    """`/v1/analytics/follows`, `/likes` and `/retwoots`."""

    def __init__(self, analytics: Analytics, act: Act) -> None:
        self._analytics = analytics
        self._act = act

    @operation(
        "Count follows, likes or retwoots by window",
        query=SpanQuery,
        answers={200: ActsShape},
        errors=(422,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count."""
        query = params.query(req, SpanQuery)
        span = self._analytics.span(query.unit, query.from_ms, query.to_ms)
        counts = [
            {"start": rfc3339(value.start_ms), "count": max(0, getattr(value, self._act))}
            for value in self._analytics.instance(span)
        ]
        send(req, resp, range_of(span) | {"windows": counts})


class AudienceResource:
    """`/v1/analytics/accounts`."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    @operation(
        "Count accounts by window: who registers, who takes part",
        query=SpanQuery,
        answers={200: AudienceShape},
        errors=(422,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count."""
        query = params.query(req, SpanQuery)
        span = self._analytics.span(query.unit, query.from_ms, query.to_ms)
        windows = [people(value, span.unit) for value in self._analytics.instance(span)]
        send(req, resp, range_of(span) | {"windows": windows})


class RetentionResource:
    """`/v1/analytics/retention`."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    @operation(
        "Read how many of those who joined in a week take part in the weeks after",
        query=RetentionQuery,
        answers={200: RetentionShape},
        errors=(422,),
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        query = params.query(req, RetentionQuery)
        reach = self._analytics.reach(query.from_ms, query.to_ms, query.weeks)
        send(req, resp, retention(reach, self._analytics.retention(reach)))
