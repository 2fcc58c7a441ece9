"""The search for the highest rate that is held: one rate tried, and which to try next."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.arrivals import Outcome, percentile

MOST_MS = 50.0
"""A rate is held when 99 of 100 requests are answered within this time of being due."""
PRECISION = 1.05
_MAX_RATE, _MIN_RATE = 12_800.0, 10.0
_MOST_PROBES = 14
"""Then the highest rate that was held is the answer, however far from one that was not."""
_CLEAR = 3.0
"""So many times above or below the bound, one try is enough; else two of three decide."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One rate tried; `settled_seconds` after it everything published was everywhere; `parts_ms` is CPU by server."""

    rate: float
    outcome: Outcome
    parts_ms: Mapping[str, float] = field(default_factory=dict)
    settled_seconds: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """Return CPU milliseconds per request over all servers."""
        return sum(self.parts_ms.values())

    @property
    def p99_ms(self) -> float:
        """Return the latency from when requests were due, of all kinds together."""
        return float("inf") if self.outcome.gave_up else self.outcome.latency_ms(99)

    def detail(self) -> dict[str, object]:
        """Return the probe's figures."""
        found = self.outcome
        if found.gave_up:
            return {"rate": round(self.rate), "gave_up": True, "refused": found.refused[:1]}
        return {
            "rate": round(self.rate),
            "p50_ms": round(found.latency_ms(50), 1),
            "p99_ms": round(self.p99_ms, 1),
            "p99_ms_by_kind": {kind: round(found.latency_ms(99, kind), 1) for kind in found.latencies_ms},
            "generator_lag_p99_ms": round(percentile(found.lags_ms, 99), 2),
            "generator_cpu_share": round(found.cpu_share, 3),
            "cpu_ms": round(self.cpu_ms, 3),
            "cpu_ms_by_server": {name: round(ms, 3) for name, ms in self.parts_ms.items()},
            "settled_s": round(self.settled_seconds, 1),
        }


class Search:
    """Finds the highest rate that is held; every rate it tried is kept."""

    def __init__(self, name: str, probe: Callable[[float], Probe]) -> None:
        self._name = name
        self._probe = probe
        self.probes: list[Probe] = []

    def highest(self, first: float, *, factor: float) -> float:
        """Return the rate, 0 when none is held.

        It goes up or down by a factor from the first one until it is between two, then halves what lies between.
        """
        low, high = self._between(first, factor)
        while low and high / low > PRECISION and len(self.probes) < _MOST_PROBES:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self._holds(middle) else (low, middle)
        return low

    def _between(self, rate: float, factor: float) -> tuple[float, float]:
        """Return a rate that is held and one that is not."""
        if self._holds(rate):
            while rate < _MAX_RATE and self._holds(rate * factor):
                rate *= factor
            return rate, rate * factor
        while rate / factor >= _MIN_RATE:
            rate /= factor
            if self._holds(rate):
                return rate, rate * factor
        return 0.0, rate

    def _holds(self, rate: float) -> bool:
        votes: list[bool] = []
        while len(votes) < 3:
            probe = self._probe(rate)
            self.probes.append(probe)
            print(f"  {self._name}: {json.dumps(probe.detail())}", flush=True)
            votes.append(probe.p99_ms < MOST_MS)
            is_clear = not MOST_MS / _CLEAR < probe.p99_ms < MOST_MS * _CLEAR
            if is_clear or votes.count(votes[-1]) == 2:
                return votes[-1]
        return votes[-1]
