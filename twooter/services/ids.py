"""Ids for this process, made under a leased node number and on the database's clock."""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass, replace

from twooter.domain import ids as id_rules
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
_NONE = "No node number is leased; try again."


class _Clock:
    """The database's clock as known at the last renewal, carried on by the monotonic clock."""

    __slots__ = ("_known",)

    def __init__(self, now_ms: int, at: float) -> None:
        self.set(now_ms, at)

    def set(self, now_ms: int, at: float) -> None:
        """Take note that it showed `now_ms` when the monotonic clock showed `at`."""
        self._known = now_ms, at

    def now_ms(self) -> int:
        now_ms, at = self._known
        return now_ms + int((time.monotonic() - at) * 1000)


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease as this process holds it; swapped whole, for threads read it without a lock."""

    lease: Lease
    clock: _Clock
    generator: Generator

    def holds(self) -> bool:
        return self.lease.until_ms - self.clock.now_ms() > MARGIN_MS


class Ids:
    """Makes ids; takes its lease at the first one, and anew after a fork."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._clear()
        os.register_at_fork(after_in_child=self._clear)

    def _clear(self) -> None:
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def now_ms(self) -> int:
        """Return the database's clock as known since the last renewal, carried on by the monotonic clock.

        Raises: Unavailable while there is no lease and none can be had.
        """
        return self._hold().clock.now_ms()

    def make(self) -> int:
        """Return a new id.

        Raises: Unavailable while there is no lease and none can be had.
        """
        generator = self._hold().generator
        id_ = generator.make()
        held = self._held
        if (
            held is None  # given back meanwhile: the next holder may make this id too
            or held.generator is not generator
            or id_rules.time_ms(id_)
            >= held.lease.until_ms - MARGIN_MS  # borrowed from a future that is not ours
        ):
            raise Unavailable(_NONE)
        return id_

    def renew(self) -> None:
        """Make the lease longer; to be called every 20 seconds or so. Never raises for a database that is away."""
        with self._lock:
            held = self._held
            if held is None:
                return
            taken_at = time.monotonic()
            try:
                renewed = self._storage.transact(lambda tx: nodes.renew(tx, held.lease, LEASE_MS))
            except Unavailable:
                log.warning("node_lease_not_renewed", node=held.lease.node)
                return
            if renewed is None:
                log.warning("node_lease_lost", node=held.lease.node)
                self._held = None
            else:
                held.clock.set(renewed.now_ms, taken_at)
                self._held = replace(held, lease=renewed)

    def release(self) -> None:
        """Give the node number back at the end of a process; a database that is away takes it back by itself."""
        with self._lock:
            held, self._held = self._held, None
        if held is None:
            return
        last_ms = max(held.generator.last_ms, held.lease.after_ms)
        try:
            self._storage.transact(lambda tx: nodes.release(tx, held.lease, last_ms))
        except Unavailable:
            log.warning("node_lease_not_released", node=held.lease.node)

    def _hold(self) -> _Held:
        held = self._held
        if held is not None and held.holds():
            return held
        with self._lock:
            held = self._held
            if held is None or not held.holds():
                held = self._held = self._take()
            return held

    def _take(self) -> _Held:
        self._held = None
        holder = f"{os.getpid()}-{secrets.token_hex(8)}"
        for _ in range(_TRIES):
            taken_at = time.monotonic()
            lease = self._storage.transact(lambda tx: nodes.lease(tx, holder, LEASE_MS))
            if lease is not None:
                clock = _Clock(lease.now_ms, taken_at)
                log.info("node_leased", node=lease.node)
                return _Held(lease, clock, Generator(lease.node, clock.now_ms, after_ms=lease.after_ms))
        raise Unavailable(_NONE)
