"""Logs of live updates in Redis: one for each topic that is listened to, bounded, forgotten when nobody listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import redis

from twooter.domain.streams import News, Pointer, Position, pack, parse_position, unpack
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.metrics import STREAM_LOG_REACHABLE
from twooter.storage.cache import Cache, Script

log = get_logger("streams")

KEPT_SECONDS = 600
"""A log is there for this long after it was last opened: who comes back in that time misses nothing."""
LOGS_AT_ONCE = 500
TIMEOUT_SECONDS = 2.0
_PAUSE_SECONDS = 1.0
LOG_PREFIX = "stream:log:"
"""A log of an account's home timeline has the key of that timeline behind it."""
_TICKET = "stream:ticket:"

# to logs that are there alone: nobody listens to the others. Whoever listens now is told by the same step.
_append = Script(
    """
local told = 0
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    local id = redis.call('XADD', key, 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i + 2])
    redis.call('PUBLISH', ARGV[2], id .. '/' .. ARGV[i + 2] .. '/' .. key)
    told = told + 1
  end
end
return told
"""
)
_open = Script(
    """
local time = redis.call('TIME')
local answer = {time[1] * 1000 + math.floor(time[2] / 1000)}
for i, key in ipairs(KEYS) do
  if redis.call('EXPIRE', key, ARGV[1]) == 0 then
    local id = redis.call('XADD', key, '*', 'e', 'b')
    redis.call('EXPIRE', key, ARGV[1])
    answer[1] = math.max(answer[1], tonumber(string.match(id, '^(%d+)')))
    answer[#answer + 1] = i
  end
end
return answer
"""
)
_read = Script(
    """
return {redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1), redis.call('XRANGE', KEYS[1], ARGV[1], '+')}
"""
)
_take = Script(
    """
local value = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return value or ''
"""
)


class Opened(NamedTuple):
    """When logs were opened, and which of them were not there before."""

    at: Position
    begun: frozenset[str]


class Logs(Protocol):
    """Logs of live updates.

    Every method raises Unavailable while they do not answer, but `listen`, which goes on.
    """

    def append(self, entries: Sequence[tuple[str, Pointer]]) -> int:
        """Add to those logs that are there, and tell who listens; return to how many."""

    def open(self, names: Sequence[str]) -> Opened:
        """Let logs be there for the next ten minutes."""

    def read(self, name: str, since_ms: int) -> tuple[News | None, list[News]]:
        """Return a log's oldest entry, and all from a time on, in their order."""

    def listen(
        self, stopping: threading.Event, tell: Callable[[News], None], connected: Callable[[], None]
    ) -> None:
        """Tell everything that is appended until told to stop; `connected` whenever something may have been missed."""

    def keep(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a small value for a while."""

    def take(self, key: str) -> bytes | None:
        """Return a value that was kept, the first time it is asked for."""


class RedisLogs:
    """Logs in Redis, for any number of workers and listeners."""

    def __init__(self, url: str, *, entries: int) -> None:
        self._url = url
        self._cache = Cache(url, timeout_seconds=TIMEOUT_SECONDS)
        self._most = b"%d" % entries
        # channels are the same in all of a server's databases
        self._channel = f"stream:news:{urlsplit(url).path.strip('/')}"

    def append(self, entries: Sequence[tuple[str, Pointer]]) -> int:
        """Add to those logs that are there, and tell who listens; return to how many."""
        told = 0
        for at in range(0, len(entries), LOGS_AT_ONCE):
            part = entries[at : at + LOGS_AT_ONCE]
            given = (self._most, self._channel.encode(), *(pack(pointer) for _, pointer in part))
            told += self._run(_append, [name for name, _ in part], given)
        return told

    def open(self, names: Sequence[str]) -> Opened:
        """Let logs be there for the next ten minutes."""
        at_ms, begun = 0, set[str]()
        for at in range(0, len(names), LOGS_AT_ONCE):
            part = names[at : at + LOGS_AT_ONCE]
            at_ms, *new = self._run(_open, part, [b"%d" % KEPT_SECONDS])
            begun |= {part[number - 1] for number in new}
        return Opened(Position(at_ms, 0), frozenset(begun))

    def read(self, name: str, since_ms: int) -> tuple[News | None, list[News]]:
        """Return a log's oldest entry, and all from a time on, in their order."""
        first, rows = self._run(_read, [name], [b"%d" % since_ms])
        return (_news(name, first[0]) if first else None), [_news(name, row) for row in rows]

    def listen(
        self, stopping: threading.Event, tell: Callable[[News], None], connected: Callable[[], None]
    ) -> None:
        """Tell everything that is appended until told to stop; `connected` whenever something may have been missed."""
        while not stopping.is_set():
            try:
                self._listen(stopping, tell, connected)
            except (redis.RedisError, OSError) as ex:
                STREAM_LOG_REACHABLE.set(0)
                log.warning("stream_logs_unavailable", error=type(ex).__name__)
                stopping.wait(_PAUSE_SECONDS)

    def _listen(
        self, stopping: threading.Event, tell: Callable[[News], None], connected: Callable[[], None]
    ) -> None:
        client = redis.Redis.from_url(
            self._url,
            protocol=2,
            socket_timeout=5.0,
            socket_connect_timeout=TIMEOUT_SECONDS,
            health_check_interval=10,
            retry=None,
        )
        with client, client.pubsub() as listening:
            listening.subscribe(self._channel)
            while not stopping.is_set():
                message = listening.get_message(timeout=1.0)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    STREAM_LOG_REACHABLE.set(1)
                    connected()
                elif message["type"] == "message":
                    tell(_told(message["data"]))

    def keep(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a small value for a while."""
        if not self._cache.set_many({_TICKET + key: value}, seconds=seconds):
            raise Unavailable("Live updates are not to be had now.")

    def take(self, key: str) -> bytes | None:
        """Return a value that was kept, the first time it is asked for."""
        found: bytes | None = self._cache.run(_take, [(_TICKET + key).encode()], [])
        if found is None:
            raise Unavailable("Live updates are not to be had now.")
        return found or None

    def _run(
        self, script: Script, names: Sequence[str], given: Sequence[bytes]
    ) -> Any:  # Any: what the script answers
        answer = self._cache.run(script, [f"{LOG_PREFIX}{name}".encode() for name in names], given)
        if answer is None:
            raise Unavailable("Live updates are not to be had now.")
        return answer


def _news(name: str, row: Any) -> News:  # Any: what Redis answers
    id_, fields = row
    return News(name, _position(id_), unpack(fields[1]))


def _told(data: bytes) -> News:
    id_, packed, key = data.split(b"/", 2)
    return News(key.decode().removeprefix(LOG_PREFIX), _position(id_), unpack(packed))


def _position(id_: bytes) -> Position:
    position = parse_position(id_.decode())
    if position is None:
        raise ValueError("not an id of a log")
    return position
