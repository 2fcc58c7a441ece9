"""Counters of rate limits: in the cache when there is one and it answers, else in the process."""

from __future__ import annotations

import math
import threading
import time

from twooter.metrics import CACHE
from twooter.storage.cache import Cache

_MAX_KEYS = 100_000


class Counters:
    """Counts in windows that begin with the first count; while the cache is away each process counts for itself."""

    def __init__(self, cache: Cache | None) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # key: (count, until)

    def count(self, key: str, window_seconds: int, *, by: int = 1) -> int:
        """Add to a counter and return it; 0 only looks."""
        if self._cache is not None:
            shared = self._cache.count(f"limit:{key}", window_seconds, by=by)
            if shared is not None:
                return shared
            CACHE.labels("limits", "fallback").inc()
        return self._count(key, window_seconds, by)

    def seconds_left(self, key: str, window_seconds: int) -> int:
        """Return after how many whole seconds a counter starts anew, at least 1."""
        left_ms = None if self._cache is None else self._cache.left_ms(f"limit:{key}")
        if left_ms == -1 and self._cache is not None:
            # it expired between the two commands of a count, and so was made anew without an end
            self._cache.end(f"limit:{key}", window_seconds)
            return window_seconds
        if left_ms is None:
            left_ms = int((self._counts.get(key, (0, 0.0))[1] - time.time()) * 1000)
        return max(1, min(math.ceil(left_ms / 1000), window_seconds))

    def _count(self, key: str, window_seconds: int, by: int) -> int:
        with self._lock:
            now = time.time()
            count, until = self._counts.get(key, (0, 0.0))
            if until <= now:
                self._make_room(now)
                count, until = 0, now + window_seconds
            self._counts[key] = (count + by, until)
            return count + by

    def _make_room(self, now: float) -> None:
        """Forget what has ended, and of what has not, the half that ends first: memory stays bounded."""
        if len(self._counts) < _MAX_KEYS:
            return
        kept = sorted(((k, v) for k, v in self._counts.items() if v[1] > now), key=lambda item: item[1][1])
        self._counts = dict(kept[-_MAX_KEYS // 2 :])
