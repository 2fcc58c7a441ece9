"""The pulse of a process that works in rounds: it waits between them, and probes see when the last one ended."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

STUCK_SECONDS = 60.0


class Pulse:
    """Waits between a process's rounds, and knows when each of its loops last came to its end."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._waited_at: dict[str, float] = {}

    def listen(self) -> None:
        """Stop at SIGTERM and SIGINT, each loop at the end of its round."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def wait(self, seconds: float, *, loop: str = "main") -> bool:
        """Wait; return True when the process is to stop."""
        self._waited_at[loop] = time.monotonic()
        return self.stopping.wait(seconds)

    def begin(self) -> None:
        """Say that what the rounds need is there; whoever waits for it has no pulse yet, and is not stuck."""
        self._waited_at["main"] = time.monotonic()

    def waiting(self) -> str | None:
        """Return what is wrong while the rounds have not begun."""
        return None if self._waited_at else "starting: the database's schema is not checked yet"

    def stuck(self) -> str | None:
        """Return what is wrong when a loop has ended no round for a minute."""
        now = time.monotonic()
        silent = now - min(self._waited_at.values(), default=now)
        return f"no round has ended for {silent:.0f} s" if silent > STUCK_SECONDS else None

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.stopping.set()
