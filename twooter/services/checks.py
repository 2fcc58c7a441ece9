"""Checks: pieces of the aggregates compared with the source, or with the piece below, each inside one snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from twooter.domain import deltas, grammar, ids, windows
from twooter.domain import drifts as rules
from twooter.domain.deltas import ALL_TIME, Deltas, Moving
from twooter.domain.drifts import WINDOW_SUMS, Drifts, Key, Keyed, Kind
from twooter.domain.events import AccountEvent, ActionEvent, EditEvent, TwootEvent
from twooter.domain.windows import DAY_MS, HOUR_MS, KEPT_MS, Unit
from twooter.services.backlogs import Backlog
from twooter.storage import act_sources, audits, hashtags, sources
from twooter.storage.audits import Counts
from twooter.storage.database import Session
from twooter.storage.sources import Source

_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days to check, [low, high) in Unix ms; of many hashtags only every `parts`th."""

    low_ms: int
    high_ms: int
    now_ms: int
    part: int = 0
    parts: int = 1

    def has(self, tag_id: int) -> bool:
        """Return whether a hashtag is of this part."""
        return (tag_id >> 22) % self.parts == self.part

    def units(self) -> Iterator[tuple[Unit, int]]:
        """Yield the units that are kept in these days, each with the start of the first window to check.

        Windows that are about to be pruned are passed over.
        """
        for unit in (Unit.MINUTE, Unit.HOUR, Unit.DAY):
            since_ms = max(self.low_ms, since(unit, self.now_ms))
            if since_ms < self.high_ms:
                yield unit, since_ms


def since(unit: Unit, now_ms: int) -> int:
    """Return from when on windows of a unit are surely kept."""
    kept_ms = KEPT_MS.get(unit)
    return 0 if kept_ms is None else windows.start(Unit.HOUR, now_ms - kept_ms) + 2 * HOUR_MS


class TagIds:
    """Ids of the hashtags that twoots name; a name keeps its id for ever."""

    def __init__(self) -> None:
        self._known: dict[str, int | None] = {}

    def of(self, tx: Session, found: Sequence[Source]) -> Iterator[tuple[Source, tuple[int, ...]]]:
        """Yield each twoot with the ids of its hashtags."""
        unknown = {name for twoot in found for name in twoot.names} - self._known.keys()
        if len(self._known) > _REMEMBERED:
            self._known = {}
            unknown = {name for twoot in found for name in twoot.names}
        keys = {name: grammar.tag_key(name) for name in unknown}
        by_key: dict[str, int] = {}
        for part in sources.parts(sorted(set(keys.values()))):
            by_key |= hashtags.fetch_ids(tx, part)
        self._known |= {name: by_key.get(key) for name, key in keys.items()}
        for twoot in found:
            tags = (self._known[name] for name in twoot.names)
            yield twoot, tuple(dict.fromkeys(tag for tag in tags if tag is not None))


def days(tx: Session, span: Days, pending: Backlog, tags: TagIds, *, also: Iterable[int] = ()) -> Drifts:
    """Compare minutes, hours, days and the days' accounts with the twoots and accounts of these days.

    Accounts are compared for hashtags that are used in these days or have a row for one of them, and those of `also`.
    """
    expected = deltas.reduce(_events(tx, span, pending, tags), now_ms=span.now_ms)
    found = Drifts()
    if span.part == 0:
        _check_windows(tx, span, expected, found)
    _check_hashtag_windows(tx, span, expected, found, also)
    return found


def _events(tx: Session, span: Days, pending: Backlog, tags: TagIds) -> Iterator[Moving]:
    """Yield what the source says, less what is still to be applied."""
    low, high = ids.first_at(span.low_ms), ids.first_at(span.high_ms)
    at = low
    while page := sources.fetch_twoots(tx, at, high):
        at = page[-1].id + 1
        for twoot, tag_ids in tags.of(tx, page):
            yield _event(twoot, tuple(tag for tag in tag_ids if span.has(tag)))
    at = max(low, ids.IMPORTED_ID + 1)  # the built-in accounts were never registered
    while accounts := sources.fetch_accounts(tx, at, high):
        at = accounts[-1][0] + 1
        yield from (AccountEvent(1, id_, ids.time_ms(id_)) for id_, _ in accounts)
    if span.part == 0:
        yield from act_sources.fetch(tx, low, high)
    for day_ms in range(span.low_ms, span.high_ms, DAY_MS):
        for event in pending.by_day.get(day_ms, ()):
            yield _taken_back(event, span)


def _taken_back(event: Moving, span: Days) -> Moving:
    """Return what undoes an event, of the hashtags that are looked at."""
    if isinstance(event, EditEvent):
        added, removed = (
            tuple(filter(span.has, tags)) for tags in (event.added_tag_ids, event.removed_tag_ids)
        )
        return replace(event, added_tag_ids=removed, removed_tag_ids=added)
    if isinstance(event, TwootEvent):
        return replace(event, sign=-event.sign, tag_ids=tuple(filter(span.has, event.tag_ids)))
    if isinstance(event, ActionEvent):
        return replace(event, active=not event.active)
    return replace(event, sign=-event.sign)


def _event(twoot: Source, tag_ids: tuple[int, ...]) -> TwootEvent:
    at_ms = ids.time_ms(twoot.id)
    return TwootEvent(
        1, twoot.author_id, twoot.id, at_ms, tag_ids, twoot.parent_id, twoot.parent_author_id, twoot.version
    )


def _check_windows(tx: Session, span: Days, expected: Deltas, found: Drifts) -> None:
    people = {tuple(row[:2]): row[2:] for row in audits.fetch_active(tx, span.low_ms, span.high_ms)}
    _compare_column(found, Kind.ACTIVE_USES, people, 0, expected.active_accounts)
    _compare_column(found, Kind.ACTIVE_ACTS, people, 1, expected.acts)
    day = int(Unit.DAY)
    active = Counter((day, key[0]) for key, row in people.items() if row[0] > 0)
    participants = Counter((day, key[0]) for key, row in people.items() if sum(row) > 0)
    for unit, since_ms in span.units():
        rows = {tuple(row[:2]): row[2:] for row in audits.fetch_windows(tx, unit, since_ms, span.high_ms)}
        wanted = {k: d for k, d in expected.windows.items() if k[0] == unit and k[1] >= since_ms}
        for column, (name, kind) in enumerate(WINDOW_SUMS.items()):
            _compare_column(found, kind, rows, column, {k: getattr(d, name) for k, d in wanted.items()})
        _compare_people(found, rows, (active, participants) if unit is Unit.DAY else ({}, {}))


def _compare_column(
    found: Drifts, kind: Kind, rows: Mapping[Key, Sequence[int]], column: int, expected: Keyed
) -> None:
    found.compare(kind, {key: row[column] for key, row in rows.items()}, expected)


def _compare_people(found: Drifts, rows: Mapping[Key, Sequence[int]], expected: tuple[Keyed, Keyed]) -> None:
    """Compare numbers of accounts, which stand behind the sums."""
    kinds = (Kind.WINDOW_ACTIVE, Kind.WINDOW_PARTICIPANTS)
    for column, (kind, wanted) in enumerate(zip(kinds, expected, strict=True), start=len(WINDOW_SUMS)):
        _compare_column(found, kind, rows, column, wanted)


def _check_hashtag_windows(
    tx: Session, span: Days, expected: Deltas, found: Drifts, also: Iterable[int]
) -> None:
    seen = {tag for tag, day_ms, _ in expected.hashtag_accounts if day_ms != ALL_TIME}.union(also)
    counted: dict[Key, int] = {}
    for unit, since_ms in span.units():
        wanted = {k: n for k, n in expected.hashtag_windows.items() if k[0] == unit and k[1] >= since_ms}
        read = audits.fetch_hashtag_windows(tx, unit, since_ms, span.high_ms)
        rows = {tuple(row[:3]): row[3:] for row in read if span.has(row[2])}
        _compare_column(found, Kind.TAG_WINDOW_USES, rows, 0, wanted)
        counted |= {key: row[1] for key, row in rows.items()}
        seen.update(key[2] for key in rows if unit is Unit.DAY)
    read = audits.fetch_hashtag_accounts(tx, sorted(seen), span.low_ms, span.high_ms)
    uses = {tuple(row[:3]): row[3] for row in read}
    found.compare(
        Kind.TAG_ACCOUNT_USES, uses, {k: n for k, n in expected.hashtag_accounts.items() if k[1] != ALL_TIME}
    )
    accounts = Counter((int(Unit.DAY), day_ms, tag) for (tag, day_ms, _), n in uses.items() if n > 0)
    found.compare(Kind.TAG_WINDOW_ACCOUNTS, counted, accounts)


def longer(tx: Session, unit: Unit, start_ms: int, known: Drifts) -> Drifts:
    """Compare a month with its days, or a year with its months, as these would be without the drifts known of them."""
    found, lower, end_ms = Drifts(), Unit(unit - 1), windows.following(unit, start_ms)
    key, carried = (int(unit), start_ms), rules.carried(known, unit)
    rows = {tuple(row[:2]): row[2:] for row in audits.fetch_windows(tx, unit, start_ms, end_ms)}
    below = [row[2:] for row in audits.fetch_windows(tx, lower, start_ms, end_ms)]
    for column, kind in enumerate(WINDOW_SUMS.values()):
        total = sum(row[column] for row in below) - carried[kind][key]
        _compare_column(found, kind, rows, column, {key: total})
    _compare_people(found, rows, ({}, {}))
    moved = {k[2]: by for k, by in carried[Kind.TAG_WINDOW_USES].items() if k[:2] == key}
    starts = windows.starts(lower, start_ms, end_ms, at_most=31)
    after: int | None = -1
    while after is not None:
        seen, sums, last = audits.fetch_longer(tx, unit, start_ms, starts, after)
        here = {tag for tag in moved if after < tag and (last is None or tag <= last)}
        expected = {(*key, tag): sums.get(tag, 0) - moved.get(tag, 0) for tag in sums.keys() | here}
        found.compare(Kind.TAG_WINDOW_USES, {(*key, tag): row[0] for tag, row in seen.items()}, expected)
        found.compare(Kind.TAG_WINDOW_ACCOUNTS, {(*key, tag): row[1] for tag, row in seen.items()}, {})
        after = last
    return found


def totals(tx: Session, page: Sequence[Counts], known: Drifts) -> Drifts:
    """Compare what hashtags and their accounts count for all time with the days, as these would be without drifts."""
    found, tags = Drifts(), [row.tag_id for row in page]
    here = set(tags)
    off: Counter[tuple[int, int]] = Counter()
    for (tag, day_ms, account_id), by in known.of(Kind.TAG_ACCOUNT_USES).items():
        if tag in here and day_ms != ALL_TIME:
            off[tag, account_id] += by
    for tag, account_id, by in audits.fetch_all_time_off(tx, tags):
        off[tag, account_id] += by
    drifting: Counter[int] = Counter()
    for (tag, account_id), by in off.items():
        found.add(Kind.TAG_ACCOUNT_USES, (tag, ALL_TIME, account_id), by)
        drifting[tag] += by
    sums = audits.sum_all_time(tx, tags)
    for row in page:
        uses, accounts = sums.get(row.tag_id, (0, 0))
        found.add(Kind.TAG_USES, (row.tag_id,), row.uses - uses + drifting[row.tag_id])
        found.add(Kind.TAG_ACCOUNTS, (row.tag_id,), row.accounts - accounts)
    return found


def entries(tx: Session, tag_id: int, tags: TagIds) -> Drifts:
    """Look for entries of a hashtag whose twoot is gone or does not name it."""
    found, after = Drifts(), -1
    while page := sources.fetch_tag_page(tx, tag_id, after):
        after = page[-1][1]
        twoots = sources.fetch_twoots_by_ids(tx, [twoot_id for _, twoot_id, _ in page])
        right = {
            (twoot.author_id, twoot.id)
            for twoot, ids_ in tags.of(tx, list(twoots.values()))
            if tag_id in ids_
        }
        for entry in page:
            found.add(Kind.TAG_ENTRIES, entry, int(entry[:2] not in right))
    return found
