"""Ranges of time over HTTP: `from`, `to` and `interval` to windows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from twooter.api import params
from twooter.api.times import parse_ms
from twooter.domain.windows import Unit

Interval = Literal["minute", "hour", "day", "month", "year"]


def _time(value: Any, *, needs_zone: bool = False) -> Any:  # Any: what a query or a default gives
    if not isinstance(value, str):
        return value
    try:
        return parse_ms(value, needs_zone=needs_zone)
    except (ValueError, OverflowError):
        raise ValueError("must be an RFC 3339 time, such as 2026-01-31T12:00:00Z") from None


Time = Annotated[
    int, BeforeValidator(_time, json_schema_input_type=str), Field(json_schema_extra={"format": "date-time"})
]
"""An RFC 3339 time, as Unix milliseconds."""


def _moment(value: Any) -> Any:  # Any: what a JSON body gives
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time, such as 2026-01-31T12:00:00Z")
    return _time(value, needs_zone=True)


Moment = Annotated[
    int,
    BeforeValidator(_moment, json_schema_input_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]
"""The same in a body, where numbers are no times, and neither is what has no zone: it would happen at another hour."""


class SpanQuery(params.Query):
    """A range of time, cut into windows; at most 1,000 of them."""

    interval: Interval = Field("day", description="How long a window is.")
    from_ms: Time | None = Field(
        None,
        alias="from",
        description="Time of the first window; unset: the last 60 minutes, 24 hours, 30 days, 12 months or 10 years.",
    )
    to_ms: Time | None = Field(
        None, alias="to", description="Time the last window begins before; unset: now."
    )

    @property
    def unit(self) -> Unit:
        """Return the interval as the unit that is stored."""
        return Unit[self.interval.upper()]
