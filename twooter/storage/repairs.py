"""Mending drifts: relative changes only, so that whatever people write meanwhile stays counted."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.deltas import ALL_TIME, Deltas, WindowDelta
from twooter.domain.drifts import WINDOW_SUMS, Drifts, Kind
from twooter.domain.windows import Unit
from twooter.storage import activity, aggregates
from twooter.storage.aggregates import People
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import HashtagEntries, PublicEntries

_insert_public = Insert(
    "mend_public_entry",
    PublicEntries,
    ("twoot_id", "author_id"),
    duplicate={"author_id": "set"},
    numbers=True,
)
_insert_tag = Insert(
    "mend_hashtag_entry",
    HashtagEntries,
    ("tag_id", "twoot_id", "author_id"),
    duplicate={"author_id": "set"},
    numbers=True,
)
_remove_public = Statement(
    "mend_public_entry_removed",
    lambda: PublicEntries.delete().where(
        (PublicEntries.twoot_id == p("twoot_id")) & (PublicEntries.author_id == p("author_id"))
    ),
)
_remove_tag = Statement(
    "mend_hashtag_entry_removed",
    lambda: HashtagEntries.delete().where(
        (HashtagEntries.tag_id == p("tag_id"))
        & (HashtagEntries.twoot_id == p("twoot_id"))
        & (HashtagEntries.author_id == p("author_id"))
    ),
)


def move(tx: Session, found: Drifts) -> None:
    """Take drifts of windows, hashtags and their accounts back.

    Where an account's uses come from zero or go there, the count of accounts moves too, as with any event; the drift of
    such a count is against the rows as they are, and is taken back beside it.
    """
    accounts = {(key[0], ALL_TIME): -by for key, by in found.of(Kind.TAG_ACCOUNTS).items()}
    active: dict[int, int] = {}
    participants: dict[int, int] = {}
    for (unit, start_ms, tag), by in found.of(Kind.TAG_WINDOW_ACCOUNTS).items():
        if unit == Unit.DAY:
            accounts[tag, start_ms] = -by
        else:  # nobody counts accounts there
            aggregates.add_hashtag_windows(tx, {}, {(unit, start_ms, tag): -by})
    for (unit, start_ms), by in found.of(Kind.WINDOW_ACTIVE).items():
        if unit == Unit.DAY:
            active[start_ms] = -by
        else:
            aggregates.add_people(tx, unit, start_ms, active=-by)
    for (unit, start_ms), by in found.of(Kind.WINDOW_PARTICIPANTS).items():
        if unit == Unit.DAY:
            participants[start_ms] = -by
        else:
            aggregates.add_people(tx, unit, start_ms, participants=-by)
    deltas = _deltas(found)
    for key in [*_windows(found), *((int(Unit.DAY), day_ms) for day_ms in active | participants)]:
        deltas.windows.setdefault(key, WindowDelta())
    for window in deltas.windows.values():
        window.version = 1  # it moves with whatever is in it
    aggregates.apply(tx, deltas, besides=People(accounts, active, participants))
    activity.move_weeks(tx, {(k[0], k[1]): -by for k, by in found.of(Kind.ACTIVE_WEEK_DAYS).items()})
    activity.add_retention(tx, {(k[0], k[1]): -by for k, by in found.of(Kind.RETENTION).items()})


def _deltas(found: Drifts) -> Deltas:
    deltas = Deltas()
    for key, by in found.of(Kind.ACTIVE_USES).items():
        deltas.active_accounts[key[0], key[1]] = -by
    for key, by in found.of(Kind.ACTIVE_ACTS).items():
        deltas.acts[key[0], key[1]] = -by
    for key, by in found.of(Kind.TAG_ACCOUNT_USES).items():
        deltas.hashtag_accounts[key[0], key[1], key[2]] = -by
    for key, by in found.of(Kind.TAG_WINDOW_USES).items():
        deltas.hashtag_windows[key[0], key[1], key[2]] = -by
    for key, by in found.of(Kind.TAG_USES).items():
        deltas.hashtags[key[0]] = -by
    for column, kind in WINDOW_SUMS.items():
        for key, by in found.of(kind).items():
            setattr(deltas.windows[key[0], key[1]], column, -by)
    return deltas


def _windows(found: Drifts) -> set[tuple[int, int]]:
    """Return the (unit, start) of windows in which something of hashtags or accounts changes."""
    keys = {(k[0], k[1]) for kind in (Kind.TAG_WINDOW_USES, Kind.TAG_WINDOW_ACCOUNTS) for k in found.of(kind)}
    keys |= {(int(Unit.DAY), k[0]) for kind in (Kind.ACTIVE_USES, Kind.ACTIVE_ACTS) for k in found.of(kind)}
    return keys | {(int(Unit.DAY), key[1]) for key in found.of(Kind.TAG_ACCOUNT_USES) if key[1] != ALL_TIME}


def put_entries(tx: Session, twoot_id: int, author_id: int, tag_ids: Sequence[int], *, public: bool) -> None:
    """Write entries that are missing or name somebody else."""
    if public:
        tx.insert(_insert_public, [(twoot_id, author_id)])
    tx.insert(_insert_tag, [(tag_id, twoot_id, author_id) for tag_id in sorted(tag_ids)])


def remove_entries(
    tx: Session, twoot_id: int, author_id: int, tag_ids: Sequence[int], *, public: bool
) -> None:
    """Remove entries that should not be there."""
    if public:
        tx.run(_remove_public, twoot_id=twoot_id, author_id=author_id)
    for tag_id in sorted(tag_ids):
        tx.run(_remove_tag, tag_id=tag_id, twoot_id=twoot_id, author_id=author_id)
