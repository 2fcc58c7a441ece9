"""The board: memory that workers of one server share with their parent, which tells the probes how they are."""

from __future__ import annotations

import mmap
import struct
import threading
import time

_ROW = struct.Struct("ddd")
"""Ready since, requests in flight, last request finished; times in monotonic seconds, 0: never."""
_SLOTS = 64
WEDGED_SECONDS = 30.0
"""All threads busy and no answer for this long: the process is stuck."""


class Board:
    """One row per worker slot; written by the worker, read by the parent. Made before the workers are forked."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._memory = mmap.mmap(-1, _ROW.size * _SLOTS)
        self._lock = threading.Lock()
        self.slot = 0
        self._row = [0.0, 0.0, 0.0]

    def take(self, slot: int) -> None:
        """Use a slot; to be called in the forked worker."""
        self._lock = threading.Lock()
        self.slot, self._row = slot, [0.0, 0.0, time.monotonic()]
        self._write()

    def clear(self, slot: int) -> None:
        """Forget a slot's worker, which has ended."""
        _ROW.pack_into(self._memory, slot * _ROW.size, 0.0, 0.0, 0.0)

    def set_ready(self) -> None:
        """Say that this worker can answer."""
        self._row[0] = time.monotonic()
        self._write()

    def begin(self) -> None:
        """Count a request that begins."""
        with self._lock:
            self._row[1] += 1
            self._write()

    def end(self) -> None:
        """Count a request that ends."""
        with self._lock:
            self._row[1] -= 1
            self._row[2] = time.monotonic()
            self._write()

    def trouble(self, slots: list[int]) -> str | None:
        """Return None when a worker of the slots can answer, else why none can."""
        rows = [_ROW.unpack_from(self._memory, slot * _ROW.size) for slot in slots]
        started = [row for row in rows if row[0]]
        if not started:
            return "starting: the database's schema is not checked yet"
        if all(row[1] >= self._threads and time.monotonic() - row[2] > WEDGED_SECONDS for row in started):
            return "every thread is busy and none has answered for a while"
        return None

    def _write(self) -> None:
        _ROW.pack_into(self._memory, self.slot * _ROW.size, *self._row)
