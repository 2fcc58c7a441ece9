"""Trends and top hashtags, computed now and then: what is talked about, and what was used most in each window."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from functools import partial

from twooter.domain import trends as rules
from twooter.domain import windows
from twooter.domain.windows import Unit
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.silences import Silences
from twooter.storage import trends
from twooter.storage.database import Storage

log = get_logger("trends")

LENGTH = 100
"""Hashtags that are kept, of trends and of each window."""
_WINDOWS_AT_ONCE = 500


class Trends:
    """Computes trends and top hashtags; running twice at once does no harm."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids
        self._silences = Silences(storage)

    def compute(self) -> int:
        """Score the hashtags that accounts use today, and let those of before fade; return how many trend.

        Silenced accounts do not count, and what without them is nothing does not fade: it is gone.
        """
        now_ms = self._ids.now_ms()
        today_ms = windows.start(Unit.DAY, now_ms)
        former = {tag: (score, at_ms) for tag, score, at_ms in self._storage.read(trends.fetch_all)}
        candidates = {tag: (today, yesterday) for tag, today, yesterday in self._candidates(today_ms)}
        silenced = self._silences.counts(sorted(candidates.keys() | former.keys()), today_ms)
        for tag in silenced.vain & former.keys():
            del former[tag]
        fresh = {
            tag: rules.score(*silenced.without(tag, today, yesterday), now_ms - today_ms)
            for tag, (today, yesterday) in candidates.items()
        }
        scores = []
        for tag in fresh.keys() | former.keys():
            before, at_ms = former.get(tag, (0.0, now_ms))
            scores.append((tag, rules.blended(fresh.get(tag, 0.0), before, now_ms - at_ms)))
        best = heapq.nsmallest(LENGTH, (s for s in scores if s[1] > 0), key=lambda s: (-s[1], s[0]))
        self._storage.transact(lambda tx: trends.replace(tx, best, now_ms))
        return len(best)

    def compute_tops(self, *, max_seconds: float = 20.0) -> int:
        """Find the most used hashtags of the windows that changed; return how many windows were done.

        What there is no time for comes next time. A change during the scan makes the window due again: its version has
        moved on from the one that was read before.
        """
        until, done = time.monotonic() + max_seconds, 0
        while time.monotonic() < until:
            due = self._storage.read(lambda tx: trends.fetch_changed(tx, _WINDOWS_AT_ONCE))
            for unit, start_ms, version in due:
                self._compute_top(unit, start_ms, version)
                done += 1
                if time.monotonic() >= until:
                    break
            if len(due) < _WINDOWS_AT_ONCE:
                break
        if done:
            log.info("tops_computed", windows=done)
        return done

    def _compute_top(self, unit: Unit, start_ms: int, version: int) -> None:
        used = ((tag, uses) for tag, uses in self._uses(unit, start_ms) if uses > 0)
        top = heapq.nsmallest(LENGTH, used, key=lambda one: (-one[1], one[0]))
        self._storage.transact(lambda tx: trends.replace_top(tx, unit, start_ms, version, top))

    def _candidates(self, today_ms: int) -> Iterator[tuple[int, int, int]]:
        yesterday_ms = windows.start(Unit.DAY, today_ms - 1)
        after: int | None = -1
        while after is not None:
            read = partial(
                trends.fetch_candidates,
                today_ms=today_ms,
                yesterday_ms=yesterday_ms,
                least=rules.MIN_ACCOUNTS,
                after=after,
            )
            page = self._storage.read(read)
            yield from page
            after = page[-1][0] if len(page) == trends.PAGE else None

    def _uses(self, unit: Unit, start_ms: int) -> Iterator[tuple[int, int]]:
        after: int | None = -1
        while after is not None:
            page = self._storage.read(partial(trends.fetch_uses, unit=unit, start_ms=start_ms, after=after))
            yield from page
            after = page[-1][0] if len(page) == trends.PAGE else None
