"""Replays: what a request with an idempotency key has made before."""

from __future__ import annotations

from twooter.errors import Conflict, Invalid
from twooter.storage import idempotency
from twooter.storage.database import Storage
from twooter.storage.idempotency import Idempotency


def made_by(storage: Storage, account_id: int, key: Idempotency | None) -> int:
    """Return the id of what a key has made that was found taken.

    Raises: Conflict while the first request with it is running; Invalid when it stands for another request.
    """
    if key is None:
        raise AssertionError("only a remembered key is replayed")
    replay = storage.read(lambda tx: idempotency.find(tx, account_id, key.key))
    if replay is None:
        raise Conflict("A request with this Idempotency-Key is still running; try again.", code="in_flight")
    if replay.request_sha256 != key.request_sha256:
        raise Invalid.field(
            "Idempotency-Key", "key_reused", "This key was used for another request; use a new one."
        )
    return replay.resource_id
