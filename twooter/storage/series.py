"""Series: counts of neighbouring windows, of the whole instance and of hashtags, and which hashtags lead them."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import fn

from twooter.domain.windows import Span, Unit, WindowCounts
from twooter.storage.database import Session
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import HashtagWindows, TopTags, Trends, Windows

MAX_KEYS = 5_000
_STARTS_STEP = 500
"""MariaDB turns lists of 1,000 and more into a table of their own, which it then reads the other way round."""

_windows = Statement(
    "series_windows",
    lambda: (
        Windows.select(
            Windows.start_ms,
            Windows.twoots,
            Windows.replies,
            Windows.accounts,
            Windows.active_accounts,
            Windows.follows,
            Windows.likes,
            Windows.retwoots,
            Windows.participants,
        )
        .where(
            (Windows.unit == p("unit"))
            & (Windows.start_ms >= p("from_ms"))
            & (Windows.start_ms <= p("last_ms"))
        )
        .order_by(Windows.start_ms)
    ),
)
_hashtag_windows = Statement(
    "series_hashtag_windows",
    lambda: HashtagWindows.select(
        HashtagWindows.tag_id, HashtagWindows.start_ms, HashtagWindows.uses, HashtagWindows.accounts
    ).where(
        (HashtagWindows.unit == p("unit"))
        & HashtagWindows.start_ms.in_(each("starts"))
        & HashtagWindows.tag_id.in_(each("tag_ids"))
    ),
)
_leaders = Statement(
    "series_leaders",
    lambda: (
        TopTags.select(TopTags.tag_id, fn.SUM(TopTags.uses))
        .where(
            (TopTags.unit == p("unit"))
            & (TopTags.start_ms >= p("from_ms"))
            & (TopTags.start_ms <= p("last_ms"))
        )
        .group_by(TopTags.tag_id)
        .order_by(fn.SUM(TopTags.uses).desc(), TopTags.tag_id)
        .limit(p("limit"))
    ),
)
_trends = Statement(
    "series_trends",
    lambda: Trends.select(Trends.tag_id, Trends.score_milli).order_by(Trends.rank).limit(p("limit")),
)


def fetch_windows(tx: Session, span: Span) -> dict[int, WindowCounts]:
    """Return by start the windows of a span in which anything happened."""
    rows = tx.all(_windows, unit=int(span.unit), from_ms=span.starts[0], last_ms=span.starts[-1])
    return {row[0]: WindowCounts(*row) for row in rows}


def fetch_hashtag_windows(
    tx: Session, span: Span, tag_ids: Sequence[int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (uses, accounts) by (tag, start) where there are any; reads points of the key, 5,000 in a statement."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    if not tag_ids:
        return found
    step = max(1, min(_STARTS_STEP, MAX_KEYS // len(tag_ids)))
    for i in range(0, len(span.starts), step):
        rows = tx.all(
            _hashtag_windows, unit=int(span.unit), starts=span.starts[i : i + step], tag_ids=tag_ids
        )
        found |= {(row[0], row[1]): (row[2], row[3]) for row in rows}
    return found


def fetch_leaders(tx: Session, unit: Unit, from_ms: int, last_ms: int, limit: int) -> list[int]:
    """Return the hashtags that lead the windows starting in [from, last], most used first."""
    rows = tx.all(_leaders, unit=int(unit), from_ms=from_ms, last_ms=last_ms, limit=limit)
    return [row[0] for row in rows]


def fetch_trends(tx: Session, limit: int) -> dict[int, float]:
    """Return the trending hashtags with their scores, best first."""
    return {row[0]: row[1] / 1000 for row in tx.all(_trends, limit=limit)}
