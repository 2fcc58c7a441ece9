"""The cache: Redis behind short timeouts and a breaker; whatever fails is a miss."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import redis

from twooter.logs import get_logger
from twooter.metrics import CACHE
from twooter.settings import Settings

T = TypeVar("T")
log = get_logger("cache")

BREAK_SECONDS = 1.0
"""After a failure the cache is left alone for this long, so that a frozen one costs one timeout, not one a request."""


class Cache:
    """A Redis that may go away at any time; one connection per thread."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()
        self._broken_until = 0.0
        self._failed = CACHE.labels("redis", "error").inc

    @classmethod
    def open(cls, settings: Settings) -> Cache | None:
        """Return the cache of the settings, or None where there is none; connects at first use."""
        if settings.cache_url is None:
            return None
        return cls(settings.cache_url.get_secret_value(), timeout_seconds=settings.cache_timeout_seconds)

    def get(self, key: str) -> bytes | None:
        """Return a value, or None when there is none or the cache is away."""
        return self._try(lambda client: client.get(key), None)

    def add(self, key: str, value: bytes, *, seconds: int = 86_400) -> None:
        """Set a value where there is none."""
        self._try(lambda client: client.set(key, value, nx=True, ex=seconds), None)

    def set_many(self, values: Mapping[str, bytes], *, seconds: int = 86_400) -> bool:
        """Set values in one round trip; return False when the cache did not confirm."""

        def work(client: redis.Redis) -> bool:
            pipeline = client.pipeline(transaction=False)
            for key, value in values.items():
                pipeline.set(key, value, ex=seconds)
            pipeline.execute()
            return True

        return self._try(work, False)

    def _try(self, work: Callable[[redis.Redis], T], otherwise: T) -> T:
        if time.monotonic() < self._broken_until:
            return otherwise
        try:
            return work(self._client())
        except redis.RedisError as ex:
            self._failed()
            self._broken_until = time.monotonic() + BREAK_SECONDS
            log.warning("cache_unavailable", error=type(ex).__name__)
            self._local.client = None
            return otherwise

    def _client(self) -> redis.Redis:
        client: redis.Redis | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = redis.Redis.from_url(
                self._url,
                protocol=2,
                socket_timeout=self._timeout_seconds,
                socket_connect_timeout=self._timeout_seconds,
                single_connection_client=True,
                retry=None,
                health_check_interval=0,
            )
        return client
