"""Queries in PromQL that panels are made of."""

from __future__ import annotations

OBJECTIVES = {
    "Availability": ("twooter:availability_bad", "twooter:availability_requests", 0.001),
    "Latency": ("twooter:latency_bad", "twooter:latency_reads", 0.05),
    "Freshness": ("twooter:freshness_bad", "twooter:freshness_events", 0.01),
}
"""By name: what is counted against it, what is counted in all, and the part that may be bad in 30 days."""


def rate(metric: str, *by: str) -> str:
    """Return the query for how often something happens in a second, summed by labels."""
    return _by("sum", f"rate({metric}[$__rate_interval])", by)


def mean(metric: str, *by: str) -> str:
    """Return the query for the mean of a histogram."""
    return f"{rate(f'{metric}_sum', *by)} / {rate(f'{metric}_count', *by)}"


def quantile(q: float, metric: str, *by: str, only: str = "") -> str:
    """Return the query for a quantile of a histogram; `only` chooses some of its series, as `{label="value"}`."""
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket{only}', 'le', *by)})"


def quantiles(metric: str) -> dict[str, str]:
    """Return queries for three quantiles of a histogram."""
    return {name: quantile(q, metric) for name, q in (("median", 0.5), ("95 %", 0.95), ("99 %", 0.99))}


def most(metric: str, *by: str) -> str:
    """Return the query for the greatest value of a gauge, of which each exporter tells the same."""
    return _by("max", metric, by)


def bad(objective: str, window: str) -> str:
    """Return the query for the part of an objective's requests (events) that was bad in a window."""
    counted, every, _ = OBJECTIVES[objective]
    return f"sum(sum_over_time({counted}:rate5m[{window}])) / sum(sum_over_time({every}:rate5m[{window}]))"


def _by(how: str, inner: str, labels: tuple[str, ...]) -> str:
    return f"{how} by ({', '.join(labels)}) ({inner})" if labels else f"{how}({inner})"
