"""Windows: neighbours without gaps, and the ranges that may be asked for."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import ids, windows
from twooter.domain.windows import Unit
from twooter.errors import Invalid

NOW_MS = 1_780_000_000_000
times = st.integers(ids.EPOCH_MS, ids.MAX_TIME_MS)
units = st.sampled_from(Unit)


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day …


@given(units, times)
def test_a_time_lies_in_its_window(unit: Unit, time_ms: int) -> None:
    begin = windows.start(unit, time_ms)
    assert begin <= time_ms < windows.following(unit, begin)
    assert windows.start(unit, begin) == begin
    assert windows.start(unit, windows.following(unit, begin)) == windows.following(unit, begin)


@given(units, times, st.integers(0, 50))
def test_a_span_has_no_gaps_and_touches_all_of_its_range(unit: Unit, from_ms: int, count: int) -> None:
    to_ms = from_ms + 1
    for _ in range(count):
        to_ms = windows.following(unit, windows.start(unit, to_ms))
    to_ms = min(to_ms, ids.MAX_TIME_MS)
    if from_ms >= to_ms:
        return
    span = windows.span(unit, from_ms, to_ms, now_ms=from_ms)
    assert span.starts[0] <= from_ms < to_ms <= span.end_ms
    for begin, following in itertools.pairwise(span.starts):
        assert windows.following(unit, begin) == following


@pytest.mark.parametrize(
    ("unit", "count"),
    [(Unit.MINUTE, 60), (Unit.HOUR, 24), (Unit.DAY, 30), (Unit.MONTH, 12), (Unit.YEAR, 10)],
)
def test_without_a_range_the_last_windows_are_meant(unit: Unit, count: int) -> None:
    span = windows.span(unit, None, None, NOW_MS)
    assert len(span.starts) == count
    assert span.starts[-1] == windows.start(unit, NOW_MS)


def test_months_and_years_have_their_own_lengths() -> None:
    span = windows.span(Unit.MONTH, ms(2024, 1, 31), ms(2024, 4, 1), NOW_MS)
    assert span.starts == (ms(2024, 1, 1), ms(2024, 2, 1), ms(2024, 3, 1))
    assert span.end_ms == ms(2024, 4, 1)


def test_a_thousand_windows_may_be_asked_for_and_no_more() -> None:
    day = 86_400_000
    from_ms = windows.start(Unit.DAY, NOW_MS) - 1_000 * day
    assert len(windows.span(Unit.DAY, from_ms, from_ms + 1_000 * day, NOW_MS).starts) == 1_000
    with pytest.raises(Invalid, match="at most 1000"):
        windows.span(Unit.DAY, from_ms, from_ms + 1_000 * day + 1, NOW_MS)


@pytest.mark.parametrize(
    ("from_ms", "to_ms"),
    [(NOW_MS, NOW_MS), (NOW_MS, NOW_MS - 1), (0, NOW_MS), (NOW_MS, ms(2100, 1, 1)), (None, 0)],
)
def test_a_range_that_cannot_be_is_refused(from_ms: int | None, to_ms: int) -> None:
    with pytest.raises(Invalid):
        windows.span(Unit.YEAR, from_ms, to_ms, NOW_MS)


def test_what_is_no_longer_kept_is_refused_and_not_shown_as_zero() -> None:
    hour = 3_600_000
    windows.span(Unit.MINUTE, NOW_MS - 47 * hour, NOW_MS - 46 * hour, NOW_MS)
    with pytest.raises(Invalid, match="48 hours"):
        windows.span(Unit.MINUTE, NOW_MS - 49 * hour, NOW_MS - 48 * hour, NOW_MS)
    windows.span(Unit.HOUR, NOW_MS - 89 * 24 * hour, NOW_MS - 88 * 24 * hour, NOW_MS)
    with pytest.raises(Invalid, match="2160 hours"):
        windows.span(Unit.HOUR, NOW_MS - 91 * 24 * hour, NOW_MS - 90 * 24 * hour, NOW_MS)
