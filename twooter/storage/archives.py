"""Archives: free ids for posts of the past, made from the posts' own times on the node that is never leased."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import fn

from twooter.domain import ids
from twooter.storage.database import Session
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import Twoots

_taken = Statement(
    "archive_ids_taken",
    lambda: Twoots.select(Twoots.id).where(Twoots.id.in_(each("ids"))),
    scatter="an id may be any author's; on Vitess a unique lookup vindex on id finds the shards",
)
_newest = Statement(
    "archive_newest_of_time",
    lambda: Twoots.select(fn.MAX(Twoots.id)).where((Twoots.id >= p("low")) & (Twoots.id <= p("high"))),
    scatter="idem: all ids of one millisecond",
)


def free_ids(tx: Session, times_ms: Sequence[int]) -> list[int]:
    """Return an id for each time, in their order: the next free sequence, then the next millisecond.

    An id stays free only while nobody else writes: who inserts it must see whether it was new.
    """
    first: dict[int, int] = {}  # millisecond to the first sequence that may be free
    while True:
        found = _place(times_ms, first)
        taken = tx.all(_taken, ids=found)
        if not taken:
            return found
        for time_ms in sorted({ids.time_ms(row[0]) for row in taken}):
            low = ids.compose(time_ms, ids.IMPORT_NODE, 0)
            row = tx.one(_newest, low=low, high=low + ids.SEQUENCES - 1)
            first[time_ms] = ids.SEQUENCES if row is None else row[0] - low + 1


def _place(times_ms: Sequence[int], first: dict[int, int]) -> list[int]:
    following = dict(first)
    found: list[int] = []
    for time_ms in times_ms:
        at_ms = time_ms
        while (sequence := following.get(at_ms, 0)) >= ids.SEQUENCES:
            at_ms += 1
        following[at_ms] = sequence + 1
        found.append(ids.compose(at_ms, ids.IMPORT_NODE, sequence))
    return found
