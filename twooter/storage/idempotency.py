"""Idempotency keys: which resource a key has made, kept for 24 hours."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import IdempotencyKeys

KEPT_MS = 24 * 3_600_000

_insert = Insert(
    "idempotency_insert",
    IdempotencyKeys,
    ("account_id", "key", "request_sha256", "resource_id", "created_ms"),
    duplicate="ignore",
)
_find = Statement(
    "idempotency_find",
    lambda: IdempotencyKeys.select(IdempotencyKeys.request_sha256, IdempotencyKeys.resource_id).where(
        (IdempotencyKeys.account_id == p("account_id")) & (IdempotencyKeys.key == p("key"))
    ),
)


_redirect = Statement(
    "idempotency_redirect",
    lambda: IdempotencyKeys.update(resource_id=p("becomes")).where(
        (IdempotencyKeys.account_id == p("account_id"))
        & (IdempotencyKeys.key == p("key"))
        & (IdempotencyKeys.resource_id == p("made"))
    ),
)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key and the hash of the request it stands for."""

    key: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a key has made before."""

    request_sha256: str
    resource_id: int


def remember(tx: Session, account_id: int, key: Idempotency, resource_id: int, now_ms: int) -> bool:
    """Keep a key with the row it makes, in the same transaction; return False when it is taken.

    A second request with the key waits here until the first has committed or rolled back.
    """
    return tx.insert(_insert, [(account_id, key.key, key.request_sha256, resource_id, now_ms)]) == 1


def find(tx: Session, account_id: int, key: str) -> Replay | None:
    """Return what a key has made, or None."""
    row = tx.one(_find, account_id=account_id, key=key)
    return None if row is None else Replay(*row)


def redirect(tx: Session, account_id: int, key: str, *, made: int, becomes: int) -> None:
    """Let a key that has made one thing answer with what that has become."""
    tx.run_later(_redirect, account_id=account_id, key=key, made=made, becomes=becomes)
