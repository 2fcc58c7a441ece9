"""Ids for this process, made under a leased node number and on the database's clock."""

from __future__ import annotations

import os
import secrets
import threading
import time

from twooter.domain.ids import Generator
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.storage import nodes
from twooter.storage.database import Storage
from twooter.storage.nodes import Lease

log = get_logger("ids")

LEASE_MS = 60_000
MARGIN_MS = 10_000
"""A process stops issuing this long before its lease ends."""
_TRIES = 50


class Ids:
    """Makes ids; takes its lease at the first one, and anew after a fork."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._clear()
        os.register_at_fork(after_in_child=self._clear)

    def _clear(self) -> None:
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._generator: Generator | None = None
        self._taken_at = 0.0

    def now_ms(self) -> int:
        """Return the database's clock as known since the last renewal, carried on by the monotonic clock.

        Raises: Unavailable while there is no lease and none can be had.
        """
        self._hold()
        return self._clock_ms()

    def make(self) -> int:
        """Return a new id.

        Raises: Unavailable while there is no lease and none can be had.
        """
        id_ = self._hold().make()
        lease = self._lease
        if (
            lease is not None
            and self._generator is not None
            and self._generator.last_ms >= lease.until_ms - MARGIN_MS
        ):
            raise Unavailable("No node number is leased; try again.")
        return id_

    def renew(self) -> None:
        """Make the lease longer; to be called every 20 seconds or so. Never raises for a database that is away."""
        with self._lock:
            held = self._lease
            if held is None:
                return
            taken_at = time.monotonic()
            try:
                renewed = self._storage.transact(lambda tx: nodes.renew(tx, held, LEASE_MS))
            except Unavailable:
                log.warning("node_lease_not_renewed", node=held.node)
                return
            if renewed is None:
                log.warning("node_lease_lost", node=held.node)
                self._lease = self._generator = None
            else:
                self._lease, self._taken_at = renewed, taken_at

    def release(self) -> None:
        """Give the node number back at the end of a process."""
        with self._lock:
            held, generator = self._lease, self._generator
            self._lease = self._generator = None
        if held is not None and generator is not None:
            last_ms = max(generator.last_ms, held.after_ms)
            self._storage.transact(lambda tx: nodes.release(tx, held, last_ms))

    def _clock_ms(self) -> int:
        lease = self._lease
        if lease is None:
            raise Unavailable("No node number is leased; try again.")
        return lease.now_ms + int((time.monotonic() - self._taken_at) * 1000)

    def _left_ms(self) -> int:
        lease = self._lease
        return 0 if lease is None else lease.until_ms - self._clock_ms()

    def _hold(self) -> Generator:
        generator = self._generator
        if generator is not None and self._left_ms() > MARGIN_MS:
            return generator
        with self._lock:
            if self._generator is None or self._left_ms() <= MARGIN_MS:
                self._take()
            if self._generator is None:
                raise Unavailable("No node number is leased; try again.")
            return self._generator

    def _take(self) -> None:
        self._lease = self._generator = None
        holder = f"{os.getpid()}-{secrets.token_hex(8)}"
        for _ in range(_TRIES):
            taken_at = time.monotonic()
            lease = self._storage.transact(lambda tx: nodes.lease(tx, holder, LEASE_MS))
            if lease is not None:
                self._lease, self._taken_at = lease, taken_at
                self._generator = Generator(lease.node, self._clock_ms, after_ms=lease.after_ms)
                log.info("node_leased", node=lease.node)
                return
