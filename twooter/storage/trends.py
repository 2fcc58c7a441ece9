"""Trends and top hashtags: what they are computed from, in pages of the windows' primary key, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import JOIN, fn

from twooter.domain.windows import Unit
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import ActiveAccounts, HashtagAccounts, HashtagWindows, TopTags, Trends, Windows

PAGE = 5_000
_TOP_UNITS = (int(Unit.HOUR), int(Unit.DAY), int(Unit.MONTH), int(Unit.YEAR))

_Yesterday = HashtagWindows.alias("yesterday")
_candidates = Statement(
    "trend_candidates",
    lambda: (
        HashtagWindows.select(
            HashtagWindows.tag_id, HashtagWindows.accounts, fn.COALESCE(_Yesterday.accounts, 0)
        )
        .join(
            _Yesterday,
            JOIN.LEFT_OUTER,
            on=(
                (_Yesterday.unit == int(Unit.DAY))
                & (_Yesterday.start_ms == p("yesterday_ms"))
                & (_Yesterday.tag_id == HashtagWindows.tag_id)
            ),
        )
        .where(
            (HashtagWindows.unit == int(Unit.DAY))
            & (HashtagWindows.start_ms == p("today_ms"))
            & (HashtagWindows.tag_id > p("after"))
            & (HashtagWindows.accounts >= p("least"))
        )
        .order_by(HashtagWindows.tag_id)
        .limit(p("limit"))
    ),
)
_active = Statement(
    "trend_active_among",
    lambda: (
        ActiveAccounts.select(ActiveAccounts.account_id)
        .distinct()
        .where(
            ActiveAccounts.day_ms.in_(each("days"))
            & ActiveAccounts.account_id.in_(each("account_ids"))
            & (ActiveAccounts.uses > 0)
        )
    ),
)
_users = Statement(
    "trend_users_among",
    lambda: (
        HashtagAccounts.select(HashtagAccounts.tag_id, HashtagAccounts.day_ms, fn.COUNT(1))
        .where(
            HashtagAccounts.tag_id.in_(each("tags"))
            & HashtagAccounts.day_ms.in_(each("days"))
            & HashtagAccounts.account_id.in_(each("account_ids"))
            & (HashtagAccounts.uses > 0)
        )
        .group_by(HashtagAccounts.tag_id, HashtagAccounts.day_ms)
    ),
)
_all = Statement("trends_all", lambda: Trends.select(Trends.tag_id, Trends.score_milli, Trends.computed_ms))
_replace = Insert(
    "trends_replace",
    Trends,
    ("rank", "tag_id", "score_milli", "computed_ms"),
    duplicate={"tag_id": "set", "score_milli": "set", "computed_ms": "set"},
    numbers=True,
)
_cut = Statement("trends_cut", lambda: Trends.delete().where(Trends.rank >= p("length")))
_changed = Statement(
    "top_changed",
    lambda: (
        Windows.select(Windows.unit, Windows.start_ms, Windows.version)
        .where(Windows.unit.in_(_TOP_UNITS) & (Windows.version != Windows.top_version))
        .order_by(Windows.start_ms.desc())
        .limit(p("limit"))
    ),
)
_uses = Statement(
    "top_uses",
    lambda: (
        HashtagWindows.select(HashtagWindows.tag_id, HashtagWindows.uses)
        .where(
            (HashtagWindows.unit == p("unit"))
            & (HashtagWindows.start_ms == p("start_ms"))
            & (HashtagWindows.tag_id > p("after"))
        )
        .order_by(HashtagWindows.tag_id)
        .limit(p("limit"))
    ),
)
_clear = Statement(
    "top_clear",
    lambda: TopTags.delete().where((TopTags.unit == p("unit")) & (TopTags.start_ms == p("start_ms"))),
)
_insert = Insert("top_insert", TopTags, ("unit", "start_ms", "rank", "tag_id", "uses"), numbers=True)
_done = Statement(
    "top_done",
    lambda: Windows.update(top_version=p("version")).where(
        (Windows.unit == p("unit")) & (Windows.start_ms == p("start_ms"))
    ),
)
_top = Statement(
    "top_tags",
    lambda: (
        TopTags.select(TopTags.tag_id, TopTags.uses)
        .where((TopTags.unit == p("unit")) & (TopTags.start_ms == p("start_ms")))
        .order_by(TopTags.rank)
        .limit(p("limit"))
    ),
)


def fetch_candidates(
    tx: Session, today_ms: int, yesterday_ms: int, least: int, after: int
) -> list[tuple[int, int, int]]:
    """Return (hashtag, accounts today, accounts yesterday) above a hashtag, of those that enough accounts use today."""
    rows = tx.all(
        _candidates, today_ms=today_ms, yesterday_ms=yesterday_ms, least=least, after=after, limit=PAGE
    )
    return [(row[0], row[1], row[2]) for row in rows]


def fetch_active(tx: Session, days: Sequence[int], account_ids: Sequence[int]) -> list[int]:
    """Return those of some accounts that wrote something on days."""
    return [row[0] for row in tx.all(_active, days=days, account_ids=account_ids)] if account_ids else []


def fetch_users(
    tx: Session, tags: Sequence[int], days: Sequence[int], account_ids: Sequence[int]
) -> dict[tuple[int, int], int]:
    """Return by (hashtag, day) how many of some accounts used it; three lists of one at least."""
    rows = tx.all(_users, tags=tags, days=days, account_ids=account_ids)
    return {(row[0], row[1]): row[2] for row in rows}


def fetch_all(tx: Session) -> list[tuple[int, float, int]]:
    """Return (hashtag, score, time of its computation) of what trends."""
    return [(row[0], row[1] / 1000, row[2]) for row in tx.all(_all)]


def replace(tx: Session, scores: Sequence[tuple[int, float]], now_ms: int) -> None:
    """Make these (hashtag, score), best first, what trends."""
    rows = [(rank, tag, round(score * 1000), now_ms) for rank, (tag, score) in enumerate(scores)]
    tx.insert(_replace, rows)
    tx.run(_cut, length=len(rows))


def fetch_changed(tx: Session, limit: int) -> list[tuple[Unit, int, int]]:
    """Return (unit, start, version) of windows that changed since their top hashtags were computed, newest first."""
    return [(Unit(row[0]), row[1], row[2]) for row in tx.all(_changed, limit=limit)]


def fetch_uses(tx: Session, unit: Unit, start_ms: int, after: int) -> list[tuple[int, int]]:
    """Return (hashtag, uses) of one page of a window, above a hashtag."""
    return [
        (row[0], row[1]) for row in tx.all(_uses, unit=int(unit), start_ms=start_ms, after=after, limit=PAGE)
    ]


def replace_top(tx: Session, unit: Unit, start_ms: int, version: int, top: Sequence[tuple[int, int]]) -> None:
    """Make these (hashtag, uses), most used first, the top of a window in the version that was scanned."""
    tx.run(_clear, unit=int(unit), start_ms=start_ms)
    tx.insert(_insert, [(int(unit), start_ms, rank, tag, uses) for rank, (tag, uses) in enumerate(top)])
    tx.run(_done, unit=int(unit), start_ms=start_ms, version=version)


def fetch_top(tx: Session, unit: Unit, start_ms: int, limit: int) -> list[tuple[int, int]]:
    """Return (hashtag, uses) of a window, most used first."""
    rows = tx.all(_top, unit=int(unit), start_ms=start_ms, limit=limit)
    return [(row[0], row[1]) for row in rows]
