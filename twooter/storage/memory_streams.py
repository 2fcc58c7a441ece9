"""Logs of live updates in the memory of the one process of a laptop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from twooter.domain.streams import BEGIN, News, Pointer, Position
from twooter.storage.streams import KEPT_SECONDS, Opened


class MemoryLogs:
    """Logs that end with the process; as `Logs` in Redis otherwise."""

    def __init__(self, *, entries: int) -> None:
        self._entries = entries
        self._logs: dict[str, deque[News]] = {}
        self._opened_at: dict[str, float] = {}
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._listeners: list[Callable[[News], None]] = []
        self._last = Position(0, 0)
        self._lock = threading.Lock()

    def append(self, entries: Sequence[tuple[str, Pointer]]) -> int:
        """Add to those logs that are there, and tell who listens; return to how many."""
        with self._lock:
            told = [self._add(name, pointer) for name, pointer in entries if name in self._logs]
            for news in told:
                for tell in self._listeners:
                    tell(news)
        return len(told)

    def open(self, names: Sequence[str]) -> Opened:
        """Let logs be there for the next ten minutes."""
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            begun = [name for name in names if name not in self._logs]
            for name in begun:
                self._logs[name] = deque(maxlen=self._entries)
                self._add(name, Pointer(BEGIN))
            self._opened_at.update(dict.fromkeys(names, now))
            return Opened(Position(max(self._last.ms, _now_ms()), 0), frozenset(begun))

    def read(self, name: str, since_ms: int) -> tuple[News | None, list[News]]:
        """Return a log's oldest entry, and all from a time on, in their order."""
        with self._lock:
            found = list(self._logs.get(name, ()))
        return (found[0] if found else None), [news for news in found if news.position.ms >= since_ms]

    def listen(
        self, stopping: threading.Event, tell: Callable[[News], None], connected: Callable[[], None]
    ) -> None:
        """Tell everything that is appended until told to stop."""
        with self._lock:
            self._listeners.append(tell)
        connected()
        stopping.wait()
        with self._lock:
            self._listeners.remove(tell)

    def keep(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a small value for a while."""
        now = time.monotonic()
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
            self._kept[key] = (now + seconds, value)

    def take(self, key: str) -> bytes | None:
        """Return a value that was kept, the first time it is asked for."""
        with self._lock:
            until, value = self._kept.pop(key, (0.0, b""))
        return value if until > time.monotonic() else None

    def _add(self, name: str, pointer: Pointer) -> News:
        now_ms = _now_ms()
        last = self._last
        self._last = Position(now_ms, 0) if now_ms > last.ms else Position(last.ms, last.number + 1)
        news = News(name, self._last, pointer)
        self._logs[name].append(news)
        return news

    def _forget(self, now: float) -> None:
        old = [name for name, at in self._opened_at.items() if now - at > KEPT_SECONDS]
        for name in old:
            del self._logs[name], self._opened_at[name]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
