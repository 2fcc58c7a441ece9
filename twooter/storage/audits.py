"""What an audit reads of the aggregates: ranges of their keys, in bounded pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from peewee import Case, fn

from twooter.domain.deltas import ALL_TIME
from twooter.domain.drifts import Key
from twooter.domain.windows import Unit
from twooter.storage.database import Row, Session
from twooter.storage.sources import PAGE, parts
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import ActiveAccounts, HashtagAccounts, Hashtags, HashtagWindows, Windows

_FIRST: Key = (-1, -1, -1)

_windows = Statement(
    "audit_windows",
    lambda: (
        Windows.select(
            Windows.unit,
            Windows.start_ms,
            Windows.twoots,
            Windows.replies,
            Windows.accounts,
            Windows.follows,
            Windows.likes,
            Windows.retwoots,
            Windows.active_accounts,
            Windows.participants,
        )
        .where((Windows.unit == p("unit")) & (Windows.start_ms >= p("low")) & (Windows.start_ms < p("high")))
        .order_by(Windows.start_ms)
        .limit(p("limit"))
    ),
)
_hashtag_windows = Statement(
    "audit_hashtag_windows",
    lambda: (
        HashtagWindows.select(
            HashtagWindows.unit,
            HashtagWindows.start_ms,
            HashtagWindows.tag_id,
            HashtagWindows.uses,
            HashtagWindows.accounts,
        )
        .where(
            (HashtagWindows.unit == p("unit"))
            & (HashtagWindows.start_ms >= p("low"))
            & (HashtagWindows.start_ms < p("high"))
            & (
                (HashtagWindows.start_ms > p("after_start"))
                | ((HashtagWindows.start_ms == p("after_start")) & (HashtagWindows.tag_id > p("after_tag")))
            )
        )
        .order_by(HashtagWindows.start_ms, HashtagWindows.tag_id)
        .limit(p("limit"))
    ),
)
_hashtag_window_sums = Statement(
    "audit_hashtag_window_sums",
    lambda: (
        HashtagWindows.select(HashtagWindows.tag_id, fn.SUM(HashtagWindows.uses))
        .where(
            (HashtagWindows.unit == p("unit"))
            & HashtagWindows.start_ms.in_(each("starts"))
            & (HashtagWindows.tag_id > p("after"))
            & (HashtagWindows.tag_id <= p("last"))
        )
        .group_by(HashtagWindows.tag_id)
        .order_by(HashtagWindows.tag_id)
        .limit(p("limit"))
    ),
)
_active = Statement(
    "audit_active_accounts",
    lambda: (
        ActiveAccounts.select(
            ActiveAccounts.day_ms, ActiveAccounts.account_id, ActiveAccounts.uses, ActiveAccounts.acts
        )
        .where(
            (ActiveAccounts.day_ms >= p("low"))
            & (ActiveAccounts.day_ms < p("high"))
            & (
                (ActiveAccounts.day_ms > p("after_day"))
                | (
                    (ActiveAccounts.day_ms == p("after_day"))
                    & (ActiveAccounts.account_id > p("after_account"))
                )
            )
        )
        .order_by(ActiveAccounts.day_ms, ActiveAccounts.account_id)
        .limit(p("limit"))
    ),
)
_hashtag_accounts = Statement(
    "audit_hashtag_accounts",
    lambda: (
        HashtagAccounts.select(
            HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id, HashtagAccounts.uses
        )
        .where(
            HashtagAccounts.tag_id.in_(each("tags"))
            & (HashtagAccounts.day_ms >= p("low"))
            & (HashtagAccounts.day_ms < p("high"))
            & (
                (HashtagAccounts.tag_id > p("after_tag"))
                | (
                    (HashtagAccounts.tag_id == p("after_tag"))
                    & (
                        (HashtagAccounts.day_ms > p("after_day"))
                        | (
                            (HashtagAccounts.day_ms == p("after_day"))
                            & (HashtagAccounts.account_id > p("after_account"))
                        )
                    )
                )
            )
        )
        .order_by(HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id)
        .limit(p("limit"))
    ),
)
_hashtags = Statement(
    "audit_hashtags",
    lambda: (
        Hashtags.select(Hashtags.id, Hashtags.uses, Hashtags.accounts)
        .where((Hashtags.id > p("after")) & (Hashtags.id < p("high")))
        .order_by(Hashtags.id)
        .limit(p("limit"))
    ),
)
_all_time = Statement(
    "audit_all_time",
    lambda: (
        HashtagAccounts.select(
            HashtagAccounts.tag_id,
            fn.SUM(HashtagAccounts.uses),
            fn.SUM(Case(None, [(HashtagAccounts.uses > 0, 1)], 0)),
        )
        .where(HashtagAccounts.tag_id.in_(each("tags")) & (HashtagAccounts.day_ms == ALL_TIME))
        .group_by(HashtagAccounts.tag_id)
    ),
)
_off = fn.SUM(
    Case(None, [(HashtagAccounts.day_ms == ALL_TIME, HashtagAccounts.uses)], HashtagAccounts.uses * -1)
)
_all_time_off = Statement(
    "audit_all_time_off",
    lambda: (
        HashtagAccounts.select(HashtagAccounts.tag_id, HashtagAccounts.account_id, _off)
        .where(HashtagAccounts.tag_id.in_(each("tags")))
        .group_by(HashtagAccounts.tag_id, HashtagAccounts.account_id)
        .having(_off != 0)
        .limit(p("limit"))
    ),
)
_stray_days = Statement(
    "audit_stray_days",
    lambda: (
        HashtagAccounts.select(HashtagAccounts.tag_id, HashtagAccounts.day_ms)
        .left_outer_join(
            HashtagWindows,
            on=(
                (HashtagWindows.unit == int(Unit.DAY))
                & (HashtagWindows.start_ms == HashtagAccounts.day_ms)
                & (HashtagWindows.tag_id == HashtagAccounts.tag_id)
            ),
        )
        .where(
            HashtagAccounts.tag_id.in_(each("tags"))
            & (HashtagAccounts.day_ms > ALL_TIME)
            & (HashtagAccounts.uses != 0)
            & HashtagWindows.tag_id.is_null()
        )
        .group_by(HashtagAccounts.tag_id, HashtagAccounts.day_ms)
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """A hashtag's id and counters."""

    tag_id: int
    uses: int
    accounts: int


def fetch_windows(tx: Session, unit: Unit, low_ms: int, high_ms: int) -> Iterator[Row]:
    """Yield (unit, start), the sums in the order of `WINDOW_SUMS`, and (active accounts, participants) of windows.

    Of those that start in [low, high).
    """
    return _paged(
        lambda last: tx.all(_windows, unit=int(unit), low=max(low_ms, last[1] + 1), high=high_ms, limit=PAGE)
    )


def fetch_hashtag_windows(tx: Session, unit: Unit, low_ms: int, high_ms: int) -> Iterator[Row]:
    """Yield (unit, start, hashtag, uses, accounts) of the windows that start in [low, high)."""
    return _paged(
        lambda last: tx.all(
            _hashtag_windows,
            unit=int(unit),
            low=max(low_ms, last[1]),
            high=high_ms,
            after_start=last[1],
            after_tag=last[2],
            limit=PAGE,
        )
    )


def fetch_longer(
    tx: Session, unit: Unit, start_ms: int, lower_starts: Sequence[int], after: int
) -> tuple[dict[int, tuple[int, int]], dict[int, int], int | None]:
    """Return (uses, accounts) of hashtags in a window, the sums of the shorter windows in it, and the last tag seen.

    Both are of the tags above `after`, up to the last one; None is the end.
    """
    rows = tx.all(
        _hashtag_windows,
        unit=int(unit),
        low=start_ms,
        high=start_ms + 1,
        after_start=start_ms,
        after_tag=after,
        limit=PAGE,
    )
    last = rows[-1][2] if len(rows) == PAGE else None
    sums = tx.all(
        _hashtag_window_sums,
        unit=int(unit) - 1,
        starts=lower_starts,
        after=after,
        last=2**63 - 1 if last is None else last,
        limit=PAGE,
    )
    if len(sums) == PAGE:
        last = sums[-1][0]
    seen = {row[2]: (row[3], row[4]) for row in rows if last is None or row[2] <= last}
    return seen, {row[0]: int(row[1]) for row in sums}, last


def fetch_active(tx: Session, low_ms: int, high_ms: int) -> Iterator[Row]:
    """Yield (day, account, uses, acts) of the days in [low, high)."""
    return _paged(
        lambda last: tx.all(
            _active,
            low=max(low_ms, last[0]),
            high=high_ms,
            after_day=last[0],
            after_account=last[1],
            limit=PAGE,
        )
    )


def fetch_hashtag_accounts(tx: Session, tags: Sequence[int], low_ms: int, high_ms: int) -> Iterator[Row]:
    """Yield (hashtag, day, account, uses) of the days in [low, high)."""
    for part in parts(sorted(tags)):
        yield from _paged(
            lambda last, part=part: tx.all(  # type: ignore[misc]  # the default binds this round's part
                _hashtag_accounts,
                tags=part,
                low=low_ms,
                high=high_ms,
                after_tag=last[0],
                after_day=last[1],
                after_account=last[2],
                limit=PAGE,
            )
        )


def fetch_hashtags(tx: Session, low: int, high: int, limit: int) -> list[Counts]:
    """Return hashtags with ids in [low, high), in the order of their ids."""
    return [Counts(*row) for row in tx.all(_hashtags, after=low - 1, high=high, limit=limit)]


def sum_all_time(tx: Session, tags: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return by hashtag the sum of its accounts' uses, and how many accounts have any."""
    return {row[0]: (int(row[1]), int(row[2])) for row in tx.all(_all_time, tags=tags)}


def fetch_all_time_off(tx: Session, tags: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (hashtag, account, difference) where uses of all time are not the sum of the days'; one page at most."""
    return [(row[0], row[1], int(row[2])) for row in tx.all(_all_time_off, tags=tags, limit=PAGE)]


def fetch_stray_days(tx: Session, tags: Sequence[int]) -> list[tuple[int, int]]:
    """Return (hashtag, day) where accounts have used a hashtag that has no row for that day; one page at most."""
    return [(row[0], row[1]) for row in tx.all(_stray_days, tags=tags, limit=PAGE)]


def _paged(read: Callable[[Row], list[Row]]) -> Iterator[Row]:
    last: Row = _FIRST
    while True:
        rows = read(last)
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]
