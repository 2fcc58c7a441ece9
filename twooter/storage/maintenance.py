"""Pruning: keys of rows that are too old, a few hundred at a time, and their removal by these keys.

`DELETE … LIMIT` is unknown to SQLite and `IN (SELECT … LIMIT)` to MariaDB: so the keys are read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import peewee
from peewee import JOIN

from twooter.domain import ids
from twooter.domain.windows import KEPT_MS, Unit
from twooter.storage.database import Session
from twooter.storage.idempotency import KEPT_MS as KEYS_KEPT_MS
from twooter.storage.networks import KEPT_MS as NETWORKS_KEPT_MS
from twooter.storage.outbox import PENDING
from twooter.storage.statements import Statement, each, in_rows, p
from twooter.storage.tables import (
    Batches,
    Deliveries,
    HashtagWindows,
    IdempotencyKeys,
    KnownNetworks,
    Ledger,
    Mutes,
    Notifications,
    ScheduleClaims,
    Table,
    Timings,
    Tokens,
    TopTags,
    Windows,
)
from twooter.storage.timings import QUERIES, REQUESTS

STEP = 500
"""Rows of one transaction."""
BATCHES_KEPT_MS = 72 * 3_600_000
LEDGER_KEPT_MS = BATCHES_KEPT_MS + 24 * 3_600_000
"""Longer than the batches: a task that read its batch before it went still finds that it was applied."""
NOTIFICATIONS_KEPT_MS = 90 * 24 * 3_600_000
"""Unless a setting says otherwise."""
CLAIMS_KEPT_MS = 24 * 3_600_000
_SHARD = "prunes the shard it is connected to, found by an index of times"


@dataclass(frozen=True, slots=True)
class Pruning:
    """Rows of one kind that are removed at an age; `given` are parameters beside the time."""

    name: str
    kept_ms: int
    keys: Statement
    remove: Statement
    given: dict[str, Any] = field(default_factory=dict)  # Any: parameters of the statements
    by_id: bool = False


def _prunable(
    name: str, table: type[Table], time: peewee.Field, *equal: peewee.Field, scatter: str | None = None
) -> tuple[Statement, Statement]:
    """Return the statements that find old rows of a table by a column, and that remove them by primary key."""
    key = table._meta.get_primary_keys()

    def find() -> peewee.Query:
        old = time < p("before")
        for column in equal:
            old &= column == p(column.name)
        return table.select(*key).where(old).order_by(*key).limit(p("limit"))

    return (
        Statement(f"prune_{name}_keys", find, scatter=scatter),
        Statement(f"prune_{name}", lambda: table.delete().where(in_rows(key, "keys")), scatter=scatter),
    )


_windows = _prunable("windows", Windows, Windows.start_ms, Windows.unit)
_hashtag_windows = _prunable("hashtag_windows", HashtagWindows, HashtagWindows.start_ms, HashtagWindows.unit)
_top_tags = _prunable("top_tags", TopTags, TopTags.start_ms, TopTags.unit)
_timings = _prunable("timings", Timings, Timings.start_ms, Timings.kind, Timings.unit)
_keys = _prunable("idempotency_keys", IdempotencyKeys, IdempotencyKeys.created_ms, scatter=_SHARD)
_tokens = _prunable("tokens", Tokens, Tokens.expires_ms, scatter=_SHARD)
_networks = _prunable("known_networks", KnownNetworks, KnownNetworks.last_used_ms, scatter=_SHARD)
_mutes = _prunable("mutes", Mutes, Mutes.until_ms, scatter=_SHARD)
_claims = _prunable("schedule_claims", ScheduleClaims, ScheduleClaims.slot_ms)
# by ids alone, not by the primary key: to plan with it takes a database longer than to delete
_notifications = (
    Statement(
        "prune_notifications_keys",
        lambda: (
            Notifications.select(Notifications.id)
            .where(Notifications.id < p("before"))
            .order_by(Notifications.id)
            .limit(p("limit"))
        ),
        scatter=_SHARD,
    ),
    Statement(
        "prune_notifications",
        lambda: Notifications.delete().where(in_rows((Notifications.id,), "keys")),
        scatter=_SHARD,
    ),
)
_ledger = _prunable("ledger", Ledger, Ledger.batch_id)

PRUNINGS = (
    *(
        Pruning(name, KEPT_MS[unit], *statements, given={"unit": int(unit)})
        for name, statements in (("windows", _windows), ("hashtag_windows", _hashtag_windows))
        for unit in (Unit.MINUTE, Unit.HOUR)
    ),
    Pruning("top_tags", KEPT_MS[Unit.HOUR], *_top_tags, given={"unit": int(Unit.HOUR)}),
    *(
        Pruning("timings", KEPT_MS[unit], *_timings, given={"unit": int(unit), "kind": kind})
        for unit in (Unit.MINUTE, Unit.HOUR)
        for kind in (REQUESTS, QUERIES)
    ),
    Pruning("idempotency_keys", KEYS_KEPT_MS, *_keys),
    Pruning("tokens", 0, *_tokens),
    Pruning("known_networks", NETWORKS_KEPT_MS, *_networks),
    Pruning("mutes", 0, *_mutes),
    Pruning("schedule_claims", CLAIMS_KEPT_MS, *_claims),
    Pruning("ledger", LEDGER_KEPT_MS, *_ledger, by_id=True),
    Pruning("notifications", NOTIFICATIONS_KEPT_MS, *_notifications, by_id=True),
)

_done_batches = Statement(
    "prune_batches_keys",
    lambda: (
        Batches.select(Batches.id)
        .join(
            Deliveries,
            JOIN.LEFT_OUTER,
            on=((Deliveries.batch_id == Batches.id) & (Deliveries.state == PENDING)),
        )
        .where((Batches.id < p("before")) & Deliveries.batch_id.is_null())
        .order_by(Batches.id)
        .limit(p("limit"))
    ),
)
_remove_batches = Statement("prune_batches", lambda: Batches.delete().where(Batches.id.in_(each("ids"))))
_remove_deliveries = Statement(
    "prune_deliveries", lambda: Deliveries.delete().where(Deliveries.batch_id.in_(each("ids")))
)


def prune(tx: Session, pruning: Pruning, now_ms: int) -> int:
    """Remove at most `STEP` old rows; return how many."""
    before = now_ms - pruning.kept_ms
    before = ids.first_at(before) if pruning.by_id else before
    keys: Sequence[tuple[Any, ...]] = [
        tuple(row) for row in tx.all(pruning.keys, before=before, limit=STEP, **pruning.given)
    ]
    return tx.run(pruning.remove, keys=keys) if keys else 0


def prune_batches(tx: Session, now_ms: int) -> int:
    """Remove at most `STEP` old batches that every consumer is done with, and their deliveries; return how many."""
    found = [
        row[0] for row in tx.all(_done_batches, before=ids.first_at(now_ms - BATCHES_KEPT_MS), limit=STEP)
    ]
    if found:
        tx.run(_remove_deliveries, ids=found)
        tx.run(_remove_batches, ids=found)
    return len(found)
