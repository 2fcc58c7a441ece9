"""The cache: Redis behind short timeouts and a breaker; whatever fails is a miss."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import redis
from redis.connection import ConnectionInterface

from twooter.logs import get_logger
from twooter.metrics import CACHE
from twooter.settings import Settings

log = get_logger("cache")

BREAK_SECONDS = 1.0
"""After a failure the cache is left alone for this long, so that a frozen one costs one timeout, not one a request."""


class Script:
    """A Lua script, which Redis runs as one step."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()
        self.sha1 = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


class Call(NamedTuple):
    """A script with what it is given."""

    script: Script
    keys: Sequence[bytes]
    arguments: Sequence[bytes]

    def packed(self) -> bytes:
        """Return the command for a Redis that knows the script."""
        return _packed(b"EVALSHA", self.script.sha1, b"%d" % len(self.keys), *self.keys, *self.arguments)


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
        answers = self._ask([("GET", key)])
        return None if answers is None else answers[0]

    def add(self, key: str, value: bytes, *, seconds: int = 86_400) -> None:
        """Set a value where there is none."""
        self._ask([("SET", key, value, "NX", "EX", seconds)])

    def set_many(
        self, values: Mapping[str, bytes], *, seconds: int = 86_400, then: Call | None = None
    ) -> bool:
        """Set values, and run a script, in one round trip; return False when the cache did not confirm."""
        packed = b"".join(
            [_packed(b"SET", key.encode(), value, b"EX", b"%d" % seconds) for key, value in values.items()]
        )
        if then is None:
            return self._exchange(packed, len(values)) is not None
        try:
            return self._exchange(packed + then.packed(), len(values) + 1) is not None
        except redis.exceptions.NoScriptError:  # the last answer: the values are set
            self.run(*then)
            return True

    def count(self, key: str, window_seconds: int, by: int) -> int | None:
        """Add to a counter whose window begins with its first count; return it, or None when the cache is away."""
        answers = self._ask([("SET", key, 0, "NX", "EX", window_seconds), ("INCRBY", key, by)])
        return None if answers is None else answers[1]

    def left_ms(self, key: str) -> int | None:
        """Return after how many milliseconds a key ends (-1: never, -2: it has), or None when the cache is away."""
        answers = self._ask([("PTTL", key)])
        return None if answers is None else answers[0]

    def end(self, key: str, seconds: int) -> None:
        """Let a key end after some time."""
        self._ask([("EXPIRE", key, seconds)])

    def run(
        self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes]
    ) -> Any:  # Any: what the script answers, which must not be nil
        """Return what a script answers, or None when the cache is away; one round trip once Redis knows it."""
        try:
            answers = self._exchange(Call(script, keys, arguments).packed(), 1)
        except redis.exceptions.NoScriptError:
            answers = self._exchange(_packed(b"EVAL", script.text, b"%d" % len(keys), *keys, *arguments), 1)
        return None if answers is None else answers[0]

    def _ask(
        self, commands: Sequence[tuple[str | bytes | int, ...]]
    ) -> list[Any] | None:  # Any: what Redis answers
        """Send commands in one round trip and return their answers, or None when the cache is away."""
        return self._exchange(
            b"".join([_packed(*map(_bytes, command)) for command in commands]), len(commands)
        )

    def _exchange(self, packed: bytes, count: int) -> list[Any] | None:  # Any: idem
        """Send packed commands and return their answers, or None when the cache is away.

        On redis-py's connection itself: its client's commands cost twice as much, and one of these is on each page.
        """
        if time.monotonic() < self._broken_until:
            return None
        connection: ConnectionInterface | None = None
        try:
            connection = self._connection()
            connection.send_packed_command([packed], check_health=False)
            return [connection.read_response() for _ in range(count)]
        except redis.exceptions.NoScriptError:
            raise  # the last answer: scripts come last, and nothing else is on its way
        except (redis.RedisError, OSError) as ex:
            self._failed()
            self._broken_until = time.monotonic() + BREAK_SECONDS
            log.warning("cache_unavailable", error=type(ex).__name__)
            if connection is not None:
                connection.disconnect()  # answers may still be on their way on it
            return None

    def _connection(self) -> ConnectionInterface:
        connection: ConnectionInterface | None = getattr(self._local, "connection", None)
        if connection is None:
            pool = redis.ConnectionPool.from_url(
                self._url,
                protocol=2,
                socket_timeout=self._timeout_seconds,
                socket_connect_timeout=self._timeout_seconds,
                retry=None,
            )
            connection = self._local.connection = pool.make_connection()
        return connection


def _packed(*parts: bytes) -> bytes:
    """Return one command as Redis reads it."""
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


def _bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
