"""Audits: everything derived compared with what it derives from, in bounded steps, while people write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from twooter.domain import ids as id_rules
from twooter.domain import windows
from twooter.domain.drifts import Drifts, Kind, Report
from twooter.domain.windows import DAY_MS, HOUR_MS, WEEK_MS, Unit
from twooter.logs import get_logger
from twooter.metrics import DRIFT
from twooter.services import backlogs, checks, crosschecks, follow_checks, vote_checks, week_checks
from twooter.services.backlogs import Backlog
from twooter.services.checks import Days, TagIds
from twooter.services.ids import Ids
from twooter.services.outcomes import Outcomes
from twooter.storage import act_sources, audits, sources, starts, week_sources
from twooter.storage.database import Session, Storage
from twooter.storage.edge_sources import ActionKey
from twooter.storage.follow_sources import FollowKey
from twooter.storage.outcomes import AUDIT
from twooter.storage.vote_sources import VoteKey

log = get_logger("audits")

SNAPSHOT_SECONDS = 2.0
"""A snapshot is left about this long after it was taken: a database must keep what it shows."""
MAX_FOUND = 200_000
_BLOCK_MS = 28 * DAY_MS
_STEP_TWOOTS, _PART_TWOOTS, _MAX_DAYS = 5_000, 250_000, 512
_STEP_TAGS, _STEP_USES = 500, 100_000

Progress = Callable[[str, int], None]
"""Told the name of a stage and the time (Unix ms) that it has come to."""
Mend = Callable[[Drifts], None]
Steps = Iterator[tuple[Drifts, int]]
"""What each step found, and the time it has come to."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What to audit: rows about the days from `since_ms` on, and of older ones every `parts`th block of four weeks."""

    since_ms: int = id_rules.EPOCH_MS
    part: int = 0
    parts: int = 0

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of whole days, [low, high), oldest first."""
        if self.parts:
            first = id_rules.EPOCH_MS + self.part * _BLOCK_MS
            for low_ms in range(first, self.since_ms, self.parts * _BLOCK_MS):
                yield low_ms, min(low_ms + _BLOCK_MS, self.since_ms)
        yield self.since_ms, id_rules.MAX_TIME_MS + 1


EVERYTHING = Scope()


class Audits:
    """Compares aggregates, entries and counters with twoots and accounts; only reads."""

    def __init__(self, storage: Storage, ids: Ids, outcomes: Outcomes) -> None:
        self._storage = storage
        self._ids = ids
        self._outcomes = outcomes

    def audit(
        self, scope: Scope = EVERYTHING, *, progress: Progress | None = None, max_seconds: float | None = None
    ) -> Report:
        """Return what drifts, and set the metric.

        Raises: Unavailable when so many events wait to be applied that there is nothing to compare yet.
        """
        report, begun = Report(), time.monotonic()
        for found in self.walk(scope, progress=progress):
            report.add(found)
            report.steps += 1
            if max_seconds is not None and time.monotonic() - begun > max_seconds:
                report.complete = False
                break
        for kind in Kind:
            DRIFT.labels(kind.value).set(report.amounts[kind])
        drifts = {kind.value: report.amounts[kind] for kind in Kind if report.amounts[kind]}
        write = log.error if drifts else log.info
        seconds = round(time.monotonic() - begun, 3)
        write("audit_done", complete=report.complete, steps=report.steps, seconds=seconds, drifts=drifts)
        return report

    def audit_regularly(self, *, max_seconds: float) -> Report:
        """Audit yesterday and today, and another part of all other days each hour, so that a day brings all of them.

        What it found is written down for the process that tells it as a metric.
        """
        now_ms = self._ids.now_ms()
        hour, today_ms = now_ms // HOUR_MS, windows.start(Unit.DAY, now_ms)
        begun = time.monotonic()
        report = self.audit(Scope(today_ms - DAY_MS, hour % 24, 24), max_seconds=max_seconds)
        detail = {
            "complete": report.complete,
            "drifts": {kind.value: amount for kind, amount in report.amounts.items()},
        }
        self._outcomes.record(AUDIT, succeeded=True, seconds=time.monotonic() - begun, detail=detail)
        return report

    def walk(
        self, scope: Scope, *, progress: Progress | None = None, mend: Mend | None = None
    ) -> Iterator[Drifts]:
        """Yield the drifts of each step; `mend` gets them before anything that builds on them is compared."""
        known = Drifts()  # what is not mended, and would show again in the sums above it
        tags = TagIds()
        stages = {
            "days": self._days(scope, tags),
            "hashtags": self._hashtags(scope, known, tags),
            "months": self._months(scope, known),
            "weeks": self._weeks(scope),
            "accounts": self._accounts(scope),
            "actions": self._actions(scope),
            "follows": self._follows(scope),
            "votes": self._votes(scope),
            "twoots": self._twoots(scope, tags),
        }
        for name, stage in stages.items():
            for found, at_ms in stage:
                if progress is not None:
                    progress(name, at_ms)
                if mend is not None and len(found):
                    mend(found)
                elif len(known) < MAX_FOUND:
                    known.update(found)
                yield found

    def _days(self, scope: Scope, tags: TagIds) -> Steps:
        span_days = 1
        for low_ms, high_ms in scope.ranges():
            at_ms = low_ms
            while at_ms < high_ms:
                check = partial(
                    self._check_days,
                    at_ms=at_ms,
                    high_ms=high_ms,
                    now_ms=self._ids.now_ms(),
                    span_days=span_days,
                    tags=tags,
                )
                found, at_ms, span_days = self._storage.snapshot(check)
                yield found, at_ms

    def _check_days(
        self, tx: Session, *, at_ms: int, high_ms: int, now_ms: int, span_days: int, tags: TagIds
    ) -> tuple[Drifts, int, int]:
        """Check days as long as the snapshot may last; return where to go on, and how many days at a time."""
        until, found = time.monotonic() + SNAPSHOT_SECONDS, Drifts()
        coming = backlogs.fetch(tx, "aggregates")
        while at_ms < high_ms:
            begin_ms = _next_day(tx, at_ms, now_ms, coming)
            if begin_ms is None or begin_ms >= high_ms:
                return found, high_ms, span_days
            at_ms = min(high_ms, begin_ms + span_days * DAY_MS)
            count = _count(tx, id_rules.first_at(begin_ms), id_rules.first_at(at_ms))
            if count > _STEP_TWOOTS and span_days > 1:
                span_days, at_ms = max(1, span_days * _STEP_TWOOTS // (2 * count)), begin_ms
                continue
            parts = 1 + count // _PART_TWOOTS
            for part in range(parts):
                found.update(checks.days(tx, Days(begin_ms, at_ms, now_ms, part, parts), coming, tags))
            if count < _STEP_TWOOTS // 4:
                span_days = min(_MAX_DAYS, span_days * 2)
            if time.monotonic() >= until:
                break
        return found, at_ms, span_days

    def _hashtags(self, scope: Scope, known: Drifts, tags: TagIds) -> Steps:
        """Check hashtags made in the scope's days: strays, totals, entries."""
        for low_ms, high_ms in scope.ranges():
            at: int | None = id_rules.first_at(low_ms)
            while at is not None:
                check = partial(
                    self._check_hashtags,
                    low=at,
                    high=id_rules.first_at(high_ms),
                    now_ms=self._ids.now_ms(),
                    known=known,
                    tags=tags,
                )
                found, at = self._storage.snapshot(check)
                yield found, high_ms if at is None else id_rules.time_ms(at)

    def _check_hashtags(
        self, tx: Session, *, low: int, high: int, now_ms: int, known: Drifts, tags: TagIds
    ) -> tuple[Drifts, int | None]:
        page = audits.fetch_hashtags(tx, low, high, _STEP_TAGS)
        if not page:
            return Drifts(), None
        weight, count = 0, 0
        while count < len(page) and (count == 0 or weight + abs(page[count].uses) < _STEP_USES):
            weight += abs(page[count].uses)
            count += 1
        page = page[:count]
        found = _check_strays(tx, [row.tag_id for row in page], now_ms, tags)
        below = Drifts()
        below.update(known)
        below.update(found)
        found.update(checks.totals(tx, page, below))
        for row in page:
            found.update(checks.entries(tx, row.tag_id, tags))
        return found, page[-1].tag_id + 1

    def _months(self, scope: Scope, known: Drifts) -> Steps:
        for unit in (Unit.MONTH, Unit.YEAR):
            at_ms = windows.start(unit, id_rules.EPOCH_MS if scope.parts else scope.since_ms)
            number = 0
            while (found_ms := self._storage.read(partial(_next_window, unit=unit, at_ms=at_ms))) is not None:
                start_ms = windows.start(unit, found_ms)
                at_ms = windows.following(unit, start_ms)
                number += 1
                if not scope.parts or at_ms > scope.since_ms or number % scope.parts == scope.part:
                    check = partial(checks.longer, unit=unit, start_ms=start_ms, known=known)
                    yield self._storage.snapshot(check), start_ms

    def _weeks(self, scope: Scope) -> Steps:
        """Check the weeks that touch the scope's days, accounts before what counts them."""
        for low_ms, high_ms in scope.ranges():
            at_ms = windows.week_start(low_ms)
            while (found_ms := self._storage.read(partial(week_sources.find_next, low_ms=at_ms))) is not None:
                week_ms = windows.week_start(found_ms)
                if week_ms >= high_ms:
                    break
                after: int | None = week_checks.FIRST
                while after is not None:
                    check = partial(week_checks.accounts, week_ms=week_ms, after=after)
                    found, after = self._storage.snapshot(check)
                    yield found, week_ms
                yield self._storage.snapshot(partial(week_checks.cohorts, week_ms=week_ms)), week_ms
                at_ms = week_ms + WEEK_MS

    def _accounts(self, scope: Scope) -> Steps:
        for low_ms, high_ms in scope.ranges():
            at: int | None = 1 if low_ms == id_rules.EPOCH_MS else id_rules.first_at(low_ms)
            while at is not None:
                found, at = self._storage.snapshot(
                    partial(crosschecks.accounts, low=at, high=id_rules.first_at(high_ms))
                )
                yield found, high_ms if at is None else id_rules.time_ms(at)

    def _actions(self, scope: Scope) -> Steps:
        """Check what accounts of the scope's days did, whenever they did it."""
        for low_ms, high_ms in scope.ranges():
            first = 1 if low_ms == id_rules.EPOCH_MS else id_rules.first_at(low_ms)
            after: ActionKey | None = (first, 0, 0)
            while after is not None:
                found, after = self._storage.snapshot(
                    partial(_check_actions, after=after, high=id_rules.first_at(high_ms))
                )
                yield found, high_ms if after is None else id_rules.time_ms(after[0])

    def _follows(self, scope: Scope) -> Steps:
        """Check follows of and by accounts of the scope's days, and their counts."""
        for low_ms, high_ms in scope.ranges():
            first = 1 if low_ms == id_rules.EPOCH_MS else id_rules.first_at(low_ms)
            high = id_rules.first_at(high_ms)
            at: int | None = first
            while at is not None:
                found, at = self._storage.snapshot(partial(follow_checks.counts, low=at, high=high))
                yield found, high_ms if at is None else id_rules.time_ms(at)
            for check in (follow_checks.following, follow_checks.orphans):
                after: FollowKey | None = (first, 0)
                while after is not None:
                    found, after = self._storage.snapshot(partial(check, after=after, high=high))
                    yield found, high_ms if after is None else id_rules.time_ms(after[0])

    def _votes(self, scope: Scope) -> Steps:
        """Check what accounts of the scope's days voted for, whenever they did."""
        for low_ms, high_ms in scope.ranges():
            first = 1 if low_ms == id_rules.EPOCH_MS else id_rules.first_at(low_ms)
            high = id_rules.first_at(high_ms)
            after: VoteKey | None = (first, 0)
            while after is not None:
                found, after = self._storage.snapshot(partial(vote_checks.given, after=after, high=high))
                yield found, high_ms if after is None else id_rules.time_ms(after[0])

    def _twoots(self, scope: Scope, tags: TagIds) -> Steps:
        for low_ms, high_ms in scope.ranges():
            at, high = id_rules.first_at(low_ms), id_rules.first_at(high_ms)
            while at < high:
                found, at = self._storage.snapshot(partial(_check_twoots, low=at, high=high, tags=tags))
                yield found, min(high_ms, id_rules.time_ms(at))


def _check_strays(tx: Session, tag_ids: list[int], now_ms: int, tags: TagIds) -> Drifts:
    """Check days of hashtags that the check of days passed over, since the hashtag has no row there."""
    found = Drifts()
    strays = audits.fetch_stray_days(tx, tag_ids)
    coming = backlogs.fetch(tx, "aggregates") if strays else Backlog()
    for day_ms in sorted({day_ms for _, day_ms in strays}):
        span = Days(day_ms, day_ms + DAY_MS, now_ms)
        also = {tag for tag, its_day_ms in strays if its_day_ms == day_ms}
        here = checks.days(tx, span, coming, tags, also=also)
        for kind, place in ((Kind.TAG_ACCOUNT_USES, 0), (Kind.TAG_WINDOW_ACCOUNTS, 2)):
            for key, by in here.of(kind).items():
                if key[place] in also:
                    found.add(kind, key, by)
    return found


def _count(tx: Session, low: int, high: int) -> int:
    """Return how much there is to read of the ids in [low, high)."""
    return sources.count(tx, low, high) + act_sources.count(tx, low, high)


def _check_actions(tx: Session, *, after: ActionKey, high: int) -> tuple[Drifts, ActionKey | None]:
    return crosschecks.actions(tx, after, high, backlogs.fetch(tx, "edges"))


def _check_twoots(tx: Session, *, low: int, high: int, tags: TagIds) -> tuple[Drifts, int]:
    return crosschecks.twoots(tx, low, high, backlogs.fetch(tx, "edges"), tags)


def _next_window(tx: Session, *, unit: Unit, at_ms: int) -> int | None:
    found = [starts.find_next_window(tx, each, at_ms) for each in (unit, Unit(unit - 1))]
    return min((start_ms for start_ms in found if start_ms is not None), default=None)


def _next_day(tx: Session, at_ms: int, now_ms: int, coming: Backlog) -> int | None:
    """Return the next day about which anything says something, or None."""
    since = [(unit, checks.since(unit, now_ms)) for unit in (Unit.MINUTE, Unit.HOUR, Unit.DAY)]
    found = starts.find_next(tx, at_ms, since)
    days = [day_ms for day_ms in coming.by_day if day_ms >= at_ms]
    days += [] if found is None else [max(at_ms, windows.start(Unit.DAY, found))]
    return min(days, default=None)
