"""Histograms of times: 20 fixed buckets from 0.25 ms to a minute, and the percentiles they tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BOUNDS_MS = (
    0.25, 0.5, 1.0, 2.0, 4.0, 7.5, 15.0, 25.0, 50.0, 100.0, 200.0, 350.0, 700.0, 1_250.0, 2_500.0, 5_000.0,
    10_000.0, 20_000.0, 35_000.0, 60_000.0,
)  # fmt: skip
"""Upper bounds, each about twice the one before; the last bucket also holds what took longer."""
BUCKETS = len(BOUNDS_MS)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something took, how often: `buckets[i]` times up to `BOUNDS_MS[i]`; `errors` of them failed."""

    errors: int
    sum_us: int
    buckets: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return how often."""
        return sum(self.buckets)

    def __add__(self, other: Histogram) -> Histogram:
        """Return both together."""
        buckets = tuple(a + b for a, b in zip(self.buckets, other.buckets, strict=True))
        return Histogram(self.errors + other.errors, self.sum_us + other.sum_us, buckets)


EMPTY = Histogram(0, 0, (0,) * BUCKETS)


def percentile(buckets: Sequence[int], share: float) -> float | None:
    """Return the time in milliseconds that `share` (above 0, at most 1) of the times do not exceed; None of none.

    Inside a bucket times are taken to lie evenly, so the answer is never outside the bucket the true one is in.
    """
    count = sum(buckets)
    if count <= 0:
        return None
    wanted = share * count
    below, lower = 0, 0.0
    for bound, inside in zip(BOUNDS_MS, buckets, strict=True):
        if inside and below + inside >= wanted:
            return lower + (bound - lower) * max(0.0, wanted - below) / inside
        below, lower = below + inside, bound
    return BOUNDS_MS[-1]  # what rounding left over
