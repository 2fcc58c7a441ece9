"""Times: Unix milliseconds inside, RFC 3339 outside."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from twooter.api.spans import SpanQuery
from twooter.api.times import parse_ms, rfc3339
from twooter.domain import ids
from twooter.domain.windows import Unit

TIMES = st.integers(0, ids.MAX_TIME_MS)


@given(TIMES)
def test_a_time_leads_there_and_back(time_ms: int) -> None:
    text = rfc3339(time_ms)
    assert len(text) == len("2026-01-31T12:00:00.000Z")
    assert parse_ms(text) == time_ms


@given(TIMES, TIMES)
def test_texts_sort_as_times_do(one: int, other: int) -> None:
    assert (rfc3339(one) < rfc3339(other)) is (one < other)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_any_zone(text: str, when: datetime) -> None:
    assert parse_ms(text) == round(when.timestamp() * 1000)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1769860800", "2026-13-01", "2026-01-31T25:00:00Z", "\u0662\u0660\u0662\u0666-01-31"],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_ms(text)
    with pytest.raises(ValidationError, match="RFC 3339"):
        SpanQuery.model_validate({"from": text})


def test_a_range_is_read_from_its_parameters() -> None:
    query = SpanQuery.model_validate({"from": "2026-01-31", "to": "2026-02-01T00:00:00Z", "interval": "hour"})
    assert (query.unit, query.from_ms, query.to_ms) == (
        Unit.HOUR,
        parse_ms("2026-01-31"),
        parse_ms("2026-02-01"),
    )
    assert SpanQuery.model_validate({}).unit is Unit.DAY


@pytest.mark.parametrize("interval", ["", "week", "DAY", "second"])
def test_an_unknown_interval_is_refused(interval: str) -> None:
    with pytest.raises(ValidationError):
        SpanQuery.model_validate({"interval": interval})
