"""Aggregates: windows of the instance and of hashtags, changed by grouped deltas inside a worker's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from twooter.domain.deltas import ALL_TIME, Deltas
from twooter.domain.windows import Unit
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, in_rows
from twooter.storage.tables import ActiveAccounts, HashtagAccounts, Hashtags, HashtagWindows, Windows

_STEP = 500

_windows = Insert(
    "windows_add",
    Windows,
    ("unit", "start_ms", "twoots", "replies", "accounts", "active_accounts", "version"),
    duplicate={
        "twoots": "add",
        "replies": "add",
        "accounts": "add",
        "active_accounts": "add",
        "version": "add",
    },
)
_hashtag_windows = Insert(
    "hashtag_windows_add",
    HashtagWindows,
    ("unit", "start_ms", "tag_id", "uses", "accounts"),
    duplicate={"uses": "add", "accounts": "add"},
)
# the row exists since the hashtag's first twoot; key and name stand here only because an upsert must be able to insert
_hashtags = Insert(
    "hashtags_add",
    Hashtags,
    ("id", "key", "name", "uses", "accounts"),
    duplicate={"uses": "add", "accounts": "add"},
)
_hashtag_accounts = Insert(
    "hashtag_accounts_add",
    HashtagAccounts,
    ("tag_id", "day_ms", "account_id", "uses"),
    duplicate={"uses": "add"},
)
_hashtag_accounts_after = Statement(
    "hashtag_accounts_after",
    lambda: HashtagAccounts.select(
        HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id, HashtagAccounts.uses
    ).where(in_rows((HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id), "keys")),
)
_active_accounts = Insert(
    "active_accounts_add", ActiveAccounts, ("day_ms", "account_id", "uses"), duplicate={"uses": "add"}
)
_active_accounts_after = Statement(
    "active_accounts_after",
    lambda: ActiveAccounts.select(
        ActiveAccounts.day_ms, ActiveAccounts.account_id, ActiveAccounts.uses
    ).where(in_rows((ActiveAccounts.day_ms, ActiveAccounts.account_id), "keys")),
)


def apply(tx: Session, deltas: Deltas) -> None:
    """Change every aggregate by the deltas; rows in one order for all, so that workers queue instead of deadlocking.

    A distinct account appears when its uses leave zero and goes when they return there: the rows stay locked from the
    upsert to the commit, so what is read after it tells what was there before.
    """
    seen = _move_accounts(tx, deltas)
    active = _move_active(tx, deltas)
    _add_hashtags(tx, deltas, seen)
    _add_windows(tx, deltas, active)


def _move_accounts(tx: Session, deltas: Deltas) -> Counter[tuple[int, int]]:
    moved: Counter[tuple[int, int]] = Counter()  # by (tag, day)
    rows = sorted((key, by) for key, by in deltas.hashtag_accounts.items() if by)
    tx.insert(_hashtag_accounts, [(*key, by) for key, by in rows])
    for part in _steps([key for key, _ in rows]):
        for tag_id, day_ms, account_id, uses in tx.all(_hashtag_accounts_after, keys=part):
            moved[tag_id, day_ms] += _appeared(uses, deltas.hashtag_accounts[tag_id, day_ms, account_id])
    return moved


def _move_active(tx: Session, deltas: Deltas) -> Counter[int]:
    moved: Counter[int] = Counter()  # by day
    rows = sorted((key, by) for key, by in deltas.active_accounts.items() if by)
    tx.insert(_active_accounts, [(*key, by) for key, by in rows])
    for part in _steps([key for key, _ in rows]):
        for day_ms, account_id, uses in tx.all(_active_accounts_after, keys=part):
            moved[day_ms] += _appeared(uses, deltas.active_accounts[day_ms, account_id])
    return moved


def _add_hashtags(tx: Session, deltas: Deltas, seen: Mapping[tuple[int, int], int]) -> None:
    tx.insert(
        _hashtags,
        [
            (tag, f"\0{tag}", "", by, seen.get((tag, ALL_TIME), 0))
            for tag, by in sorted(deltas.hashtags.items())
        ],
    )
    tx.insert(
        _hashtag_windows,
        [
            (unit, start_ms, tag, by, seen.get((tag, start_ms), 0) if unit == Unit.DAY else 0)
            for (unit, start_ms, tag), by in sorted(deltas.hashtag_windows.items())
        ],
    )


def _add_windows(tx: Session, deltas: Deltas, active: Mapping[int, int]) -> None:
    tx.insert(
        _windows,
        [
            (
                unit,
                start_ms,
                d.twoots,
                d.replies,
                d.accounts,
                active.get(start_ms, 0) if unit == Unit.DAY else 0,
                1,
            )
            for (unit, start_ms), d in sorted(deltas.windows.items())
        ],
    )


def _appeared(uses: int, by: int) -> int:
    return (uses > 0) - (uses - by > 0)


def _steps(keys: Sequence[tuple[int, ...]]) -> list[Sequence[tuple[int, ...]]]:
    return [keys[i : i + _STEP] for i in range(0, len(keys), _STEP)]
