"""Parked events: what a consumer could not apply, until an operator replays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from peewee import fn

from twooter.storage.database import Session
from twooter.storage.outbox import Packed
from twooter.storage.statements import Statement, in_rows, p
from twooter.storage.tables import ParkedEvents

MAX_COUNTED = 10_000

_page = Statement(
    "parked_page",
    lambda: (
        ParkedEvents.select(
            ParkedEvents.consumer,
            ParkedEvents.batch_id,
            ParkedEvents.position,
            ParkedEvents.event,
            ParkedEvents.error,
            ParkedEvents.parked_ms,
        )
        .where(
            (ParkedEvents.consumer == p("consumer"))
            & (
                (ParkedEvents.batch_id > p("batch_id"))
                | ((ParkedEvents.batch_id == p("batch_id")) & (ParkedEvents.position > p("position")))
            )
        )
        .order_by(ParkedEvents.batch_id, ParkedEvents.position)
        .limit(p("limit"))
    ),
)
_remove = Statement(
    "parked_remove",
    lambda: ParkedEvents.delete().where(
        (ParkedEvents.consumer == p("consumer"))
        & in_rows((ParkedEvents.batch_id, ParkedEvents.position), "places")
    ),
)
_some = ParkedEvents.select(ParkedEvents.consumer).limit(MAX_COUNTED).alias("some")
_counts = Statement(
    "parked_counts",
    lambda: ParkedEvents.select(_some.c.consumer, fn.COUNT(1)).from_(_some).group_by(_some.c.consumer),
)

Place = tuple[int, int]
"""(batch id, position in it)."""


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event set aside, with the error of the last try."""

    consumer: str
    place: Place
    event: Packed
    error: str
    parked_ms: int


def count(tx: Session) -> dict[str, int]:
    """Return by consumer how many events are parked, of 10,000 in all."""
    return dict(tx.all(_counts))


def fetch(tx: Session, consumer: str, *, after: Place = (0, -1), limit: int) -> list[ParkedEvent]:
    """Return a consumer's parked events after a place, oldest batch first."""
    rows = tx.all(_page, consumer=consumer, batch_id=after[0], position=after[1], limit=limit)
    return [
        ParkedEvent(row[0], (row[1], row[2]), orjson.loads(bytes(row[3])), row[4], row[5]) for row in rows
    ]


def remove(tx: Session, consumer: str, places: Sequence[Place]) -> int:
    """Forget parked events; return how many were still there."""
    return tx.run(_remove, consumer=consumer, places=places)
