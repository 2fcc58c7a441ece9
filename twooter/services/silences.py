"""Silences: how many of a hashtag's accounts of today and yesterday are silenced, and so make no trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from twooter.domain import trends as rules
from twooter.domain.windows import DAY_MS, Span, Unit
from twooter.storage import accounts, series, trends
from twooter.storage.database import Session, Storage

MAX_SILENCED = 1_000
"""Accounts, those silenced last, that are looked for."""
_TAGS, _ACCOUNTS = 200, 20
"""Of one statement: each pair, and day, is a place in an index."""

Place = tuple[int, int]
"""(hashtag, day)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What silenced accounts did with hashtags on two days."""

    today_ms: int
    accounts: Mapping[Place, int]
    vain: frozenset[int]
    """Hashtags that without them too few accounts use to trend, on either day."""

    def without(self, tag: int, today: int, yesterday: int) -> tuple[int, int]:
        """Return the accounts of a hashtag that are left without the silenced ones."""
        return (
            today - self.accounts.get((tag, self.today_ms), 0),
            yesterday - self.accounts.get((tag, self.today_ms - DAY_MS), 0),
        )


class Silences:
    """Counts silenced accounts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def counts(self, tags: Sequence[int], today_ms: int) -> Counts:
        """Return what silenced accounts did with hashtags today and yesterday; bounded, and little where few are."""
        days = (today_ms, today_ms - DAY_MS)
        silenced = self._storage.read(partial(accounts.fetch_silenced, limit=MAX_SILENCED))
        active = self._storage.read(partial(trends.fetch_active, days=days, account_ids=silenced))
        found: dict[Place, int] = {}
        for some_tags in _parts(tags, _TAGS):
            for some in _parts(active, _ACCOUNTS):
                read = partial(trends.fetch_users, tags=some_tags, days=days, account_ids=some)
                for place, number in self._storage.read(read).items():
                    found[place] = found.get(place, 0) + number
        counts = Counts(today_ms, found, frozenset())
        touched = sorted({tag for tag, _ in found})
        vain = self._storage.read(lambda tx: _vain(tx, counts, touched)) if touched else frozenset()
        return Counts(today_ms, found, vain)


def _vain(tx: Session, counts: Counts, tags: Sequence[int]) -> frozenset[int]:
    span = Span(Unit.DAY, (counts.today_ms - DAY_MS, counts.today_ms))
    used = series.fetch_hashtag_windows(tx, span, tags)

    def of(tag: int, day_ms: int) -> int:
        return used.get((tag, day_ms), (0, 0))[1]

    kept = {
        tag: counts.without(tag, of(tag, counts.today_ms), of(tag, counts.today_ms - DAY_MS)) for tag in tags
    }
    return frozenset(tag for tag, both in kept.items() if max(both) < rules.MIN_ACCOUNTS)


def _parts(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
