"""Ids: 63 bits, ordered by time; 41 bits of milliseconds since 2000, 10 bits of node, 12 bits of sequence.

Source: Twitter's Snowflake, whose layout this is with another epoch.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

EPOCH_MS = 946_684_800_000
"""2000-01-01T00:00:00Z."""
MAX_ID = 2**63 - 1
MAX_TIME_MS = EPOCH_MS + 2**41 - 1
IMPORT_NODE = 1023
"""Never leased: ids of imported rows, made from the rows' own times."""
LEASED_NODES = range(1023)
SEQUENCES = 4096
MAX_AHEAD_MS = 5_000
"""Other nodes' clocks are ahead by less; what is further ahead is left where it is."""

ANONYMOUS_ID = 1
"""The built-in account of messages posted without a token."""
IMPORTED_ID = 2
"""The built-in account of imported messages."""

_DECIMAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def compose(time_ms: int, node: int, sequence: int) -> int:
    """Return the id of a Unix time in milliseconds, a node (0..1023) and a sequence (0..4095).

    Raises: ValueError when a part is out of its range.
    """
    if not (EPOCH_MS <= time_ms <= MAX_TIME_MS and 0 <= node < 1024 and 0 <= sequence < SEQUENCES):
        raise ValueError(f"no id for time {time_ms}, node {node}, sequence {sequence}")
    return (time_ms - EPOCH_MS) << 22 | node << 12 | sequence


def time_ms(id_: int) -> int:
    """Return the Unix time in milliseconds at which an id was made."""
    return (id_ >> 22) + EPOCH_MS


def first_at(time_ms: int) -> int:
    """Return the smallest id of a time; times outside 2000..2069 are clamped."""
    return min(max(time_ms - EPOCH_MS, 0), 2**41 - 1) << 22


def parse(text: str) -> int | None:
    """Return the id that a decimal string names, or None: no signs, zeros in front, or digits other than ASCII's."""
    if _DECIMAL.fullmatch(text) is None:
        return None
    id_ = int(text)
    return id_ if id_ <= MAX_ID else None


class Generator:
    """Makes growing ids for one node; safe between threads.

    When the clock steps back it goes on from the last time it used; when a millisecond's sequences are used up it
    borrows the next one. It never gives an id twice.
    """

    def __init__(self, node: int, clock_ms: Callable[[], int], *, after_ms: int = 0) -> None:
        self._node = node
        self._clock_ms = clock_ms
        self._last_ms = after_ms
        self._sequence = SEQUENCES - 1  # the first id is of a later millisecond than `after_ms`
        self._lock = threading.Lock()

    @property
    def last_ms(self) -> int:
        """Return the time of the newest id."""
        return self._last_ms

    def make(self, *, above: int = 0) -> int:
        """Return the next id; greater, too, than one that a node whose clock is somewhat ahead has made."""
        with self._lock:
            now_ms = self._clock_ms()
            if above and 0 <= time_ms(above) - now_ms < MAX_AHEAD_MS:
                now_ms = time_ms(above) + 1
            if now_ms > self._last_ms:
                self._last_ms, self._sequence = now_ms, 0
            elif self._sequence + 1 < SEQUENCES:
                self._sequence += 1
            else:
                self._last_ms, self._sequence = self._last_ms + 1, 0
            return compose(self._last_ms, self._node, self._sequence)
