"""Connections of listeners: one request each, then events for as long as both sides like; no task, no thread."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

from twooter.api.live import heads
from twooter.api.live.reception import Visit
from twooter.domain.streams import News

BUFFER_BYTES = 262_144
"""What waits for a reader in the process; one that leaves more unread is dropped."""
_KERNEL_BYTES = 65_536
"""What waits for it in the kernel, which would take some megabytes otherwise."""


class Connection(asyncio.Protocol):
    """A client's connection; `received` is called once, with the head of its request."""

    __slots__ = (
        "_buffer",
        "_received",
        "_seen_off",
        "beats_at",
        "began_at",
        "checks_at",
        "outcome",
        "transport",
        "unsent",
        "visit",
        "waiting",
    )

    def __init__(
        self, received: Callable[[Connection, bytes], None], seen_off: Callable[[Connection], None]
    ) -> None:
        self._received = received
        self._seen_off = seen_off
        self._buffer: bytes | None = b""
        self.began_at = self.beats_at = self.checks_at = time.monotonic()
        self.outcome = "left"
        self.visit: Visit | None = None
        self.unsent = 0
        """Events that it missed and that are being shown."""
        self.waiting: list[News] | None = None
        """What happens while it catches up; None once it has."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what the kernel keeps."""
        self.transport = cast(asyncio.Transport, transport)
        sock: Any = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Gather the head; whatever follows it is passed over."""
        if self._buffer is None:
            return
        self._buffer += data
        head, end, _ = self._buffer.partition(heads.END)
        if end or len(self._buffer) > heads.MAX_BYTES:
            self._buffer = None
            self._received(self, head if end and len(head) <= heads.MAX_BYTES else b"")

    def connection_lost(self, _: Exception | None) -> None:
        """Say that it is gone."""
        self._seen_off(self)

    def send(self, data: bytes) -> bool:
        """Send, or drop a reader that is too slow; return whether it is still there."""
        if self.transport.is_closing():
            return False
        self.transport.write(data)
        if self.transport.get_write_buffer_size() > BUFFER_BYTES:
            self.outcome = "slow"
            self.transport.abort()
            return False
        return True

    def close(self, last: bytes, outcome: str) -> None:
        """Send something last, and end."""
        if not self.transport.is_closing():
            self.outcome = outcome
            self.transport.write(last)
            self.transport.close()
