"""Loads a data set into a migrated database, with the aggregates that the workers would have made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any

import orjson

from bench import bulk, dataset
from bench.bulk import insert, quote
from bench.dataset import Dataset
from twooter.domain import deltas, windows
from twooter.domain.deltas import ALL_TIME, Deltas
from twooter.domain.events import AccountEvent, Event, FollowCountEvent
from twooter.domain.ids import time_ms
from twooter.domain.windows import Unit, week_start
from twooter.storage import tables

SAMPLES = 4_000
_KEPT = {int(unit) for unit in Unit if unit not in windows.KEPT_MS}
"""Units whose windows are kept for ever; the others of so old a data set are pruned long ago."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What to ask for: the accounts and the hashtag that a page of 20 is full of."""

    rows: int
    account_ids: tuple[int, ...]
    """The busiest first."""
    hashtag: str
    hashtags: tuple[str, ...]
    """Names, the most used first."""
    sample_ids: tuple[int, ...]
    """Some thousand twoots of the newer half, in no order."""


def load(url: str, rows: int, *, seed: int = 1, accounts: int | None = None) -> Loaded:
    """Fill the migrated database at that URL with `rows` twoots; the same seed gives the same rows."""
    return load_made(url, dataset.make(rows, seed=seed, accounts=accounts))


def load_made(url: str, data: Dataset, follows: Iterable[FollowCountEvent] = ()) -> Loaded:
    """Fill the migrated database at that URL with a data set, with aggregates of twoots and of follows."""
    rows = len(data.twoot_ids)
    with bulk.connected(url) as connection:
        connection.query("SET SESSION foreign_key_checks = 0, unique_checks = 0")
        written = Counter(data.authors)
        _load_accounts(connection, data, written)
        _load_twoots(connection, data)
        _load_entries(connection, data)
        _load_aggregates(connection, data, summed(data, follows))
        _settle(connection)
    busiest = [data.account_ids[account] for account, _ in written.most_common(200)]
    return Loaded(
        rows,
        tuple(busiest),
        data.hashtags[0].key,
        tuple(tag.name for tag in data.hashtags[:500]),
        tuple(Random(data.seed).sample(data.twoot_ids[rows // 2 :], min(rows // 2, SAMPLES))),
    )


def summed(data: Dataset, follows: Iterable[FollowCountEvent] = ()) -> Deltas:
    """Return the deltas of the whole data set, in the windows that are kept for ever; a month at a time in memory."""
    total = Deltas()
    for _, events in groupby(data.events(), key=lambda event: event.at_ms // (30 * 86_400_000)):
        _merge(total, deltas.reduce(events))
    registered: Iterable[Event] = (AccountEvent(1, id_, time_ms(id_)) for id_ in data.account_ids)
    _merge(total, deltas.reduce(registered))
    _merge(total, deltas.reduce(follows))
    return total


def _merge(total: Deltas, part: Deltas) -> None:
    for (unit, start_ms), delta in part.windows.items():
        if unit in _KEPT:
            total.windows[unit, start_ms].add(delta)
    total.active_accounts.update(part.active_accounts)
    total.acts.update(part.acts)
    total.hashtags.update(part.hashtags)
    total.hashtag_accounts.update(part.hashtag_accounts)
    for key, uses in part.hashtag_windows.items():
        if key[0] in _KEPT:
            total.hashtag_windows[key] += uses


def _load_accounts(connection: Any, data: Dataset, written: Counter[int]) -> None:
    numbers = sorted(range(len(data.account_ids)), key=data.account_ids.__getitem__)
    insert(
        connection,
        tables.Accounts,
        "id username display_name bio bot protected role state version twoots",
        (
            f"({data.account_ids[n]},'{data.username(n)}','Bench {n}','',0,0,'user','active',1,{written[n]})"
            for n in numbers
        ),
    )
    insert(
        connection,
        tables.UsernameClaims,
        "username account_id pending_since_ms",
        (f"('{data.username(n)}',{data.account_ids[n]},NULL)" for n in numbers),
    )
    insert(
        connection,
        tables.Credentials,
        "account_id email email_confirmed_ms password_hash password_version",
        (
            f"({data.account_ids[n]},'bench{n}@example.org',{time_ms(data.account_ids[n])},'!',1)"
            for n in numbers
        ),
    )


def _load_twoots(connection: Any, data: Dataset) -> None:
    insert(
        connection,
        tables.Twoots,
        "id author_id version visibility text hashtags reply_to_id reply_to_author_id replies",
        _twoot_rows(data),
    )
    edges = sorted(
        (
            data.account_ids[data.authors[parent]],
            data.twoot_ids[parent],
            data.twoot_ids[at],
            data.account_ids[data.authors[at]],
        )
        for at, parent in enumerate(data.parents)
        if parent >= 0
    )
    insert(
        connection,
        tables.TwootReplies,
        "parent_author_id parent_id reply_id reply_author_id version active",
        (str((*edge, 1, 1)) for edge in edges),
    )


def _twoot_rows(data: Dataset) -> Iterator[str]:
    replies = Counter(data.parents)
    for at, text in enumerate(data.texts()):
        parent = data.parents[at]
        to = (
            "NULL,NULL"
            if parent < 0
            else f"{data.twoot_ids[parent]},{data.account_ids[data.authors[parent]]}"
        )
        names = quote(orjson.dumps([data.hashtags[tag].name for tag in data.tags[at]]).decode())
        yield (
            f"({data.twoot_ids[at]},{data.account_ids[data.authors[at]]},1,'public',{quote(text)},{names},{to},{replies[at]})"
        )


def _load_entries(connection: Any, data: Dataset) -> None:
    authors = [data.account_ids[author] for author in data.authors]
    insert(
        connection,
        tables.PublicEntries,
        "twoot_id author_id",
        map(str, zip(data.twoot_ids, authors, strict=True)),
    )
    entries = sorted(
        (data.hashtag_ids[tag], id_, author)
        for id_, author, tags in zip(data.twoot_ids, authors, data.tags, strict=True)
        for tag in tags
    )
    insert(
        connection,
        tables.HashtagEntries,
        "tag_id twoot_id author_id",
        map(str, entries),
    )


def _load_aggregates(connection: Any, data: Dataset, total: Deltas) -> None:
    seen = Counter((tag, day_ms) for tag, day_ms, _ in total.hashtag_accounts)
    active = Counter(day_ms for day_ms, _ in total.active_accounts)
    present = Counter(day_ms for day_ms, _ in _present(total))
    insert(
        connection,
        tables.Hashtags,
        "id key name uses accounts",
        (
            f"({id_},{quote(tag.key)},{quote(tag.name)},{total.hashtags[id_]},{seen[id_, ALL_TIME]})"
            for id_, tag in zip(data.hashtag_ids, data.hashtags, strict=True)
        ),
    )
    insert(
        connection,
        tables.Windows,
        "unit start_ms twoots replies accounts follows active_accounts participants version",
        (
            f"({unit},{start_ms},{d.twoots},{d.replies},{d.accounts},{d.follows},"
            + (f"{active[start_ms]},{present[start_ms]},1)" if unit == Unit.DAY else "0,0,1)")
            for (unit, start_ms), d in sorted(total.windows.items())
        ),
    )
    insert(
        connection,
        tables.HashtagWindows,
        "unit start_ms tag_id uses accounts",
        (
            f"({unit},{start_ms},{tag},{uses},{seen[tag, start_ms] if unit == Unit.DAY else 0})"
            for (unit, start_ms, tag), uses in sorted(total.hashtag_windows.items())
        ),
    )
    insert(
        connection,
        tables.HashtagAccounts,
        "tag_id day_ms account_id uses",
        (str((*key, uses)) for key, uses in sorted(total.hashtag_accounts.items())),
    )
    _load_audience(connection, total)


def _load_audience(connection: Any, total: Deltas) -> None:
    """Load who took part on which day and in which week, and how many of those who joined together did."""
    insert(
        connection,
        tables.ActiveAccounts,
        "day_ms account_id uses acts",
        (str((*key, total.active_accounts[key], total.acts[key])) for key in sorted(_present(total))),
    )
    days = Counter((week_start(day_ms), account_id) for day_ms, account_id in _present(total))
    insert(
        connection,
        tables.ActiveWeeks,
        "week_ms account_id days",
        (str((*key, number)) for key, number in sorted(days.items())),
    )
    joined = Counter((week_ms, week_start(time_ms(account_id))) for week_ms, account_id in days)
    insert(
        connection,
        tables.Retention,
        "week_ms joined_ms accounts",
        (str((*key, accounts)) for key, accounts in sorted(joined.items())),
    )


def _present(total: Deltas) -> set[tuple[int, int]]:
    """Return who did something on which day."""
    return total.active_accounts.keys() | total.acts.keys()


def _settle(connection: Any) -> None:
    """Give the optimiser its statistics now, so that no reading begins before they are there."""
    names = ", ".join(f"`{table._meta.table_name}`" for table in tables.TABLES)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {names}")
