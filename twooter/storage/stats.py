"""Message statistics: uses of hashtags by year, read from the aggregates in pages, and the years' versions."""

from __future__ import annotations

from twooter.domain.windows import Unit
from twooter.storage.database import Session
from twooter.storage.statements import Statement, p
from twooter.storage.tables import HashtagWindows, Windows

PAGE = 5_000

_versions = Statement(
    "year_versions",
    lambda: (
        Windows.select(Windows.start_ms, Windows.version)
        .where(Windows.unit == int(Unit.YEAR))
        .order_by(Windows.start_ms)
    ),
)
_uses = Statement(
    "year_uses",
    lambda: (
        HashtagWindows.select(HashtagWindows.tag_id, HashtagWindows.uses)
        .where(
            (HashtagWindows.unit == int(Unit.YEAR))
            & (HashtagWindows.start_ms == p("start_ms"))
            & (HashtagWindows.tag_id > p("after"))
        )
        .order_by(HashtagWindows.tag_id)
        .limit(PAGE)
    ),
)


def fetch_versions(tx: Session) -> list[tuple[int, int]]:
    """Return (start, version) of every year anything happened in, oldest first; ids reach from 2000 to 2069."""
    return [(row[0], row[1]) for row in tx.all(_versions)]


def fetch_uses(tx: Session, start_ms: int) -> list[tuple[int, int]]:
    """Return (tag, uses) of every hashtag of a year in the order of ids; reads pages of 5,000 rows of the key."""
    found: list[tuple[int, int]] = []
    after = 0
    while True:
        rows = tx.all(_uses, start_ms=start_ms, after=after)
        found += rows
        if len(rows) < PAGE:
            return found
        after = rows[-1][0]
