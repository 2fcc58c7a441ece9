"""Histograms: percentiles stay in the bucket of the true one."""

import itertools
from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from twooter.domain.histograms import BOUNDS_MS, BUCKETS, EMPTY, Histogram, percentile
from twooter.storage.tables import TIMING_BUCKETS

buckets = st.lists(st.integers(0, 10_000), min_size=BUCKETS, max_size=BUCKETS)
times = st.lists(st.floats(0.001, 60_000), min_size=1, max_size=200)


def test_there_is_a_column_for_each_bucket() -> None:
    assert BUCKETS == TIMING_BUCKETS == 20


def test_bounds_grow_by_about_the_same_factor() -> None:
    factors = [b / a for a, b in itertools.pairwise(BOUNDS_MS)]
    assert all(1.5 < factor < 2.1 for factor in factors)
    assert (BOUNDS_MS[0], BOUNDS_MS[-1]) == (0.25, 60_000)


def test_nothing_has_no_percentile() -> None:
    assert percentile(EMPTY.buckets, 0.5) is None


def test_times_lie_evenly_in_their_bucket() -> None:
    one_bucket = (0,) * 9 + (10,) + (0,) * 10  # above 50 ms, up to 100 ms
    assert percentile(one_bucket, 0.5) == 75
    assert percentile(one_bucket, 1.0) == 100


@given(times, st.floats(0.01, 1))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(taken: list[float], share: float) -> None:
    counts = [0] * BUCKETS
    for time in taken:
        counts[bisect_left(BOUNDS_MS, time)] += 1
    rank = max(1, -(-share * len(taken) // 1))
    true = sorted(taken)[min(len(taken), int(rank)) - 1]
    index = bisect_left(BOUNDS_MS, true)
    found = percentile(counts, share)
    assert found is not None
    lower = BOUNDS_MS[index - 1] if index else 0.0
    assert lower - 1e-9 <= found <= BOUNDS_MS[index] + 1e-9


@given(buckets, st.floats(0.01, 1), st.floats(0.01, 1))
def test_percentiles_grow_with_the_share(counts: list[int], a: float, b: float) -> None:
    low, high = percentile(counts, min(a, b)), percentile(counts, max(a, b))
    if low is None or high is None:
        assert sum(counts) == 0
    else:
        assert low <= high + 1e-9


@given(buckets, buckets)
def test_histograms_add_up(a: list[int], b: list[int]) -> None:
    both = Histogram(1, 10, tuple(a)) + Histogram(2, 20, tuple(b))
    assert (both.errors, both.sum_us, both.count) == (3, 30, sum(a) + sum(b))
