"""What trends is what more accounts use than expected, and it fades."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import trends

NOON = 43_200_000
counts = st.integers(0, 10**9)


def test_one_person_is_never_a_trend() -> None:
    assert trends.score(1, 0, NOON) == 0


def test_as_many_as_expected_are_no_trend() -> None:
    assert trends.score(50, 100, NOON) == 0
    assert trends.score(51, 100, NOON) > 0


def test_a_surprise_among_few_beats_a_small_change_among_many() -> None:
    assert trends.score(10, 0, NOON) > trends.score(1_010, 2_000, NOON)


@given(counts, counts, st.integers(0, 86_400_000))
def test_more_accounts_today_never_score_less(today: int, yesterday: int, elapsed_ms: int) -> None:
    score = trends.score(today, yesterday, elapsed_ms)
    assert 0 <= score <= trends.score(today + 1, yesterday, elapsed_ms)


@given(counts, counts, st.integers(0, 86_400_000))
def test_more_accounts_yesterday_never_score_more(today: int, yesterday: int, elapsed_ms: int) -> None:
    assert trends.score(today, yesterday + 1, elapsed_ms) <= trends.score(today, yesterday, elapsed_ms)


def test_half_is_left_after_the_half_life() -> None:
    assert trends.decayed(8.0, trends.HALF_LIFE_MS) == pytest.approx(4.0)
    assert trends.blended(3.0, 8.0, trends.HALF_LIFE_MS) == pytest.approx(4.0)
    assert trends.blended(5.0, 8.0, trends.HALF_LIFE_MS) == pytest.approx(5.0)


def test_what_nothing_feeds_is_gone_after_a_day() -> None:
    assert trends.blended(0.0, 20.0, 86_400_000) == 0
