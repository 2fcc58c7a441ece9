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
_LOOKS = 5
_NEAR_SECONDS = 0.002
"""A clock is this much ahead at most, where the database answers so soon in one of a few tries."""
_NONE = "No node number is leased; try again."


class _Clock:
    """The database's clock as known at the last renewal, carried on by the monotonic clock.

    It is never behind, and ahead by what the answer took: two processes' clocks differ by no more.
    """

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

    def make(self, *, above: int = 0) -> int:
        """Return a new id, greater than that of what it is about, whichever process's clock that was made by.

        Raises: Unavailable while there is no lease and none can be had.
        """
        generator = self._hold().generator
        id_ = generator.make(above=above)
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
            try:
                renewed = self._storage.transact(lambda tx: nodes.renew(tx, held.lease, LEASE_MS))
                seen = None if renewed is None else self._look()
            except Unavailable:
                log.warning("node_lease_not_renewed", node=held.lease.node)
                return
            if renewed is None or seen is None:
                log.warning("node_lease_lost", node=held.lease.node)
                self._held = None
            else:
                held.clock.set(*seen)
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
            lease = self._storage.transact(lambda tx: nodes.lease(tx, holder, LEASE_MS))
            if lease is not None:
                clock = _Clock(*self._look())
                log.info("node_leased", node=lease.node)
                return _Held(lease, clock, Generator(lease.node, clock.now_ms, after_ms=lease.after_ms))
        raise Unavailable(_NONE)

    def _look(self) -> tuple[int, float]:
        """Return what the database's clock showed, and the monotonic one before it was asked; of a few the quickest.

        The transaction of a lease may have taken long: it connects, waits for others, and is done again.
        """
        looks: list[tuple[float, int, float]] = []
        while len(looks) < _LOOKS and min(looks, default=(_NEAR_SECONDS,))[0] >= _NEAR_SECONDS:
            asked_at = time.monotonic()
            now_ms = self._storage.read(lambda tx: tx.now_ms())
            looks.append((time.monotonic() - asked_at, now_ms, asked_at))
        _, now_ms, asked_at = min(looks)
        return now_ms, asked_at
