"""Password hashes: argon2id, bounded in how many are made at once and in how many wait."""

from __future__ import annotations

import base64
import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from twooter.errors import Unavailable

MEMORY_KIB, ROUNDS, LANES = 19 * 1024, 2, 1
"""OWASP's minimum for argon2id. Source: OWASP Password Storage Cheat Sheet."""
WAIT_SECONDS = 1.0
_SALT_BYTES, _HASH_BYTES = 16, 32


class Hashes:
    """Hashes and verifies; at most `max_at_once` run and `max_waiting` wait, the next ones are refused at once.

    So sign-ins never hold all threads of a process, whatever their number.
    """

    def __init__(self, *, max_at_once: int, max_waiting: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=ROUNDS,
            memory_cost=MEMORY_KIB,
            parallelism=LANES,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._places = threading.BoundedSemaphore(max_at_once + max_waiting)
        self._running = threading.BoundedSemaphore(max_at_once)
        self._nobodys = _nobodys_hash()

    def make(self, password: str) -> str:
        """Return the hash of a new password.

        Raises: Unavailable when too many are being made.
        """
        with self._turn():
            return self._hasher.hash(_normal(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the hash is the password's; None takes the same time and is never right.

        Raises: Unavailable when too many are being made.
        """
        with self._turn():
            try:
                return self._hasher.verify(password_hash or self._nobodys, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        busy = Unavailable("Too many passwords are being checked just now; try again.", retry_after_seconds=1)
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._running.acquire(timeout=WAIT_SECONDS):
                raise busy
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._places.release()


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)  # keyboards compose accents differently


def _nobodys_hash() -> str:
    """Return a well-formed hash that no password is known for."""
    salt, digest = (base64.b64encode(os.urandom(n)).decode().rstrip("=") for n in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}${salt}${digest}"
