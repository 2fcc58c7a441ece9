"""Counters of rate limits: in Redis when there is one and it answers, else in the process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from limits.errors import StorageError
from limits.storage import RedisStorage

from twooter.logs import get_logger
from twooter.settings import Settings
from twooter.storage.cache import BREAK_SECONDS

T = TypeVar("T")
log = get_logger("counters")
_MAX_KEYS = 100_000


class _Store(Protocol):
    """What is needed of a storage of the limits library."""

    def incr(self, key: str, expiry: int, amount: int = 1) -> int: ...
    def get(self, key: str) -> int: ...
    def get_expiry(self, key: str) -> float: ...


class _Memory:
    """Counters of this process, bounded in number.

    The library's own start a thread at construction and again every 10 ms, each walking over all keys.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # key: (count, until)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter and return it."""
        with self._lock:
            now = time.time()
            count, until = self._counts.get(key, (0, 0.0))
            if until <= now:
                self._make_room(now)
                count, until = 0, now + expiry
            self._counts[key] = (count + amount, until)
            return count + amount

    def get(self, key: str) -> int:
        """Return a counter."""
        count, until = self._counts.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when a counter starts anew, Unix seconds."""
        return self._counts.get(key, (0, 0.0))[1]

    def _make_room(self, now: float) -> None:
        if len(self._counts) < _MAX_KEYS:
            return
        kept = sorted(((k, v) for k, v in self._counts.items() if v[1] > now), key=lambda item: item[1][1])
        self._counts = dict(kept[-_MAX_KEYS // 2 :])


class Counters:
    """Counts in windows that begin with the first count; while Redis is away each process counts for itself."""

    def __init__(self, redis: RedisStorage | None) -> None:
        self._redis = redis
        self._memory = _Memory()
        self._broken_until = 0.0

    @classmethod
    def open(cls, settings: Settings) -> Counters:
        """Return the counters of the settings; connects at first use."""
        if settings.cache_url is None:
            return cls(None)
        seconds = settings.cache_timeout_seconds
        options: dict[str, Any] = {  # Any: what redis-py takes
            "protocol": 2,
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            "retry": None,
        }
        url = settings.cache_url.get_secret_value()
        return cls(RedisStorage(url, key_prefix="limits", wrap_exceptions=True, **options))

    def count(self, key: str, window_seconds: int, *, by: int = 1) -> int:
        """Add to a counter and return it; 0 only looks."""
        if by == 0:
            return self._run(lambda storage: storage.get(key))
        return self._run(lambda storage: storage.incr(key, window_seconds, amount=by))

    def seconds_left(self, key: str) -> int:
        """Return after how many whole seconds a counter starts anew, at least 1."""
        return max(1, math.ceil(self._run(lambda storage: storage.get_expiry(key)) - time.time()))

    def _run(self, work: Callable[[_Store], T]) -> T:
        if self._redis is not None and time.monotonic() >= self._broken_until:
            try:
                return work(self._redis)
            except StorageError as ex:
                self._broken_until = time.monotonic() + BREAK_SECONDS
                log.warning("counters_unavailable", error=type(ex.storage_error).__name__)
        return work(self._memory)
