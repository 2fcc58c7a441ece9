"""Aggregates: windows of the instance and of hashtags, changed by grouped deltas inside a worker's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from peewee import fn

from twooter.domain.deltas import ALL_TIME, Deltas
from twooter.domain.windows import Unit
from twooter.storage import activity, crossings
from twooter.storage.activity import Appeared
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, in_rows, p
from twooter.storage.tables import HashtagAccounts, Hashtags, HashtagWindows, Windows

K = TypeVar("K", bound=tuple[int, ...])
G = TypeVar("G")

_DAY = int(Unit.DAY)
_STEP = 1_000
"""Rows of one statement that nobody waits for: several go in one packet."""
_NEVER_A_KEY = "'MISSING %d'"
"""The row exists since the hashtag's first twoot, but an upsert must name its columns. Keys are in lower case."""

_WINDOW_COUNTERS = (
    *("twoots", "replies", "accounts", "active_accounts", "follows", "likes", "retwoots", "participants"),
    "version",
)
_windows = Insert(
    "windows_add",
    Windows,
    ("unit", "start_ms", *_WINDOW_COUNTERS),
    duplicate=dict.fromkeys(_WINDOW_COUNTERS, "add"),
    numbers=True,
)
_hashtag_windows = Insert(
    "hashtag_windows_add",
    HashtagWindows,
    ("unit", "start_ms", "tag_id", "uses", "accounts"),
    duplicate={"uses": "add", "accounts": "add"},
    numbers=True,
)
_hashtags = Insert(
    "hashtags_add",
    Hashtags,
    ("id", "uses", "accounts", "key", "name"),
    duplicate={"uses": "add", "accounts": "add"},
    numbers=f"(%d, %d, %d, {_NEVER_A_KEY}, '')",
)
_hashtag_accounts = Insert(
    "hashtag_accounts_add",
    HashtagAccounts,
    ("tag_id", "day_ms", "account_id", "uses"),
    duplicate={"uses": "add"},
    numbers=True,
)
_hashtag_accounts_within = Statement(
    "hashtag_accounts_within",
    lambda: (
        HashtagAccounts.select(HashtagAccounts.tag_id, HashtagAccounts.day_ms, fn.COUNT(1))
        .where(in_rows((HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id), "keys"))
        .where(HashtagAccounts.uses.between(p("low"), p("high")))
        .group_by(HashtagAccounts.tag_id, HashtagAccounts.day_ms)
    ),
)
_hashtag_accounts_outside = Statement(
    "hashtag_accounts_outside",
    lambda: (
        HashtagAccounts.select(HashtagAccounts.tag_id, HashtagAccounts.day_ms, fn.COUNT(1))
        .where(in_rows((HashtagAccounts.tag_id, HashtagAccounts.day_ms, HashtagAccounts.account_id), "keys"))
        .where((HashtagAccounts.uses < p("low")) | (HashtagAccounts.uses > p("high")))
        .group_by(HashtagAccounts.tag_id, HashtagAccounts.day_ms)
    ),
)


class _Counted(NamedTuple, Generic[G]):
    """Rows of uses per account, whose accounts are counted per group; of so many columns is their key."""

    columns: int
    add: Insert
    within: Statement
    outside: Statement
    group: Callable[[tuple[int, ...]], G]


_TAG_ACCOUNTS: _Counted[tuple[int, int]] = _Counted(
    3, _hashtag_accounts, _hashtag_accounts_within, _hashtag_accounts_outside, itemgetter(0, 1)
)


@dataclass(frozen=True, slots=True)
class People:
    """What a repair moves besides, for it is off against the rows as they are: numbers of accounts."""

    by_tag: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """By (tag, day)."""
    active: Mapping[int, int] = field(default_factory=dict)
    """By day."""
    participants: Mapping[int, int] = field(default_factory=dict)
    """By day."""


_NOBODY = People()


def apply(tx: Session, deltas: Deltas, *, besides: People = _NOBODY) -> None:
    """Change every aggregate by the deltas; rows in one order for all, so that workers queue instead of deadlocking.

    A distinct account appears when its uses leave zero and goes when they return there: the rows stay locked from the
    upsert to the commit, so what is read after it tells what was there before.
    """
    seen = move_accounts(tx, deltas.hashtag_accounts)
    seen.update(besides.by_tag)
    appeared = activity.move(tx, deltas.active_accounts, deltas.acts)
    appeared.active.update(besides.active)
    appeared.participants.update(besides.participants)
    ever = {tag: by for (tag, day), by in seen.items() if day == ALL_TIME}
    uses = deltas.hashtags
    add_hashtags(tx, {tag: (uses[tag], ever.get(tag, 0)) for tag in uses.keys() | ever.keys()})
    days = {(_DAY, day, tag): by for (tag, day), by in seen.items() if day != ALL_TIME}
    add_hashtag_windows(tx, deltas.hashtag_windows, days)
    tx.insert_later(_windows, sorted(_window_rows(deltas, appeared)), step=_STEP)


def move_accounts(tx: Session, uses: Mapping[tuple[int, int, int], int]) -> Counter[tuple[int, int]]:
    """Add uses by (tag, day, account); return by (tag, day) how many accounts appeared, less those that went."""
    return _cross(tx, uses, _TAG_ACCOUNTS)


def add_hashtags(tx: Session, by: Mapping[int, tuple[int, int]]) -> None:
    """Add (uses, accounts) to hashtags, which exist."""
    tx.insert_later(
        _hashtags, [(tag, *moved, tag) for tag, moved in sorted(by.items()) if any(moved)], step=_STEP
    )


def add_hashtag_windows(
    tx: Session, uses: Mapping[tuple[int, int, int], int], accounts: Mapping[tuple[int, int, int], int]
) -> None:
    """Add uses and accounts, each by (unit, start, tag)."""
    rest = dict(accounts)
    rows = [(*key, by, rest.pop(key, 0)) for key, by in uses.items()]
    rows += [(*key, 0, by) for key, by in rest.items()]
    rows.sort()
    tx.insert_later(_hashtag_windows, [row for row in rows if row[3] or row[4]], step=_STEP)


def add_people(tx: Session, unit: int, start_ms: int, *, active: int = 0, participants: int = 0) -> None:
    """Add numbers of accounts to a window, also where nobody counts them."""
    tx.insert_later(_windows, [(unit, start_ms, 0, 0, 0, active, 0, 0, 0, participants, 1)])


def _window_rows(deltas: Deltas, appeared: Appeared) -> Iterator[tuple[int, ...]]:
    """Yield the rows of windows in which anything moves."""
    for (unit, start_ms), d in deltas.windows.items():
        is_day = unit == _DAY
        active = appeared.active[start_ms] if is_day else 0
        participants = appeared.participants[start_ms] if is_day else 0
        moved = (
            d.twoots,
            d.replies,
            d.accounts,
            active,
            d.follows,
            d.likes,
            d.retwoots,
            participants,
            d.version,
        )
        if any(moved):
            yield (unit, start_ms, *moved)


def _cross(tx: Session, uses: Mapping[K, int], counted: _Counted[G]) -> Counter[G]:
    """Add uses, then count per group the rows that came from zero or below, less those that went there.

    Rows are asked for by the amount they moved by, and grouped: those that crossed zero, or where most of the rows are
    new the few that did not.
    """
    rows = sorted([(*key, by) for key, by in uses.items() if by])
    mostly_new = crossings.add(tx, counted.add, rows)
    moved: Counter[G] = Counter()
    for ((by,), keys), answer in crossings.ask(
        tx,
        counted.outside if mostly_new else counted.within,
        crossings.parts(rows, counted.columns),
        partial(crossings.bounds, outside=mostly_new),
    ):
        sign = crossings.sign(by)
        if mostly_new:
            for group, count in Counter(map(counted.group, keys)).items():
                moved[group] += sign * count
        for row in answer:
            moved[counted.group(row)] += -sign * row[-1] if mostly_new else sign * row[-1]
    return moved
