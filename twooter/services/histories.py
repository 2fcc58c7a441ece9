"""Histories of hashtags: totals and uses by window, of one, of those with a prefix, of those that trend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from twooter.domain import grammar, windows
from twooter.domain import ids as id_rules
from twooter.domain.hashtags import HashtagHistory, HashtagWindow
from twooter.domain.windows import DAY_MS, Span, Unit
from twooter.errors import NotFound
from twooter.services.ids import Ids
from twooter.storage import hashtags, series
from twooter.storage.database import Session, Storage
from twooter.storage.hashtags import HashtagRow

MAX_HASHTAGS = 100
_CANDIDATES = 200
_LED_UNITS = (Unit.DAY, Unit.MONTH, Unit.YEAR)


class Histories:
    """Reads how hashtags are used; a fixed number of queries each."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids

    def get(self, tag: str, unit: Unit, from_ms: int | None, to_ms: int | None) -> HashtagHistory:
        """Return a hashtag in any of its spellings, with the windows that touch [from, to).

        Raises: NotFound when nobody has used it; Invalid for a range that cannot be.
        """
        span = windows.span(unit, from_ms, to_ms, self._ids.now_ms())

        def work(tx: Session) -> HashtagHistory:
            row = hashtags.find(tx, grammar.tag_key(tag))
            if row is None:
                raise NotFound("hashtag")
            return histories(tx, [row], span)[0]

        return self._storage.read(work)

    def search(self, prefix: str, limit: int) -> list[HashtagHistory]:
        """Return hashtags whose key begins with that of `prefix`, the most used first, with their last seven days.

        The most used of 200 in alphabetical order and of those that lead the present day, month and year.
        """
        key, now_ms = grammar.tag_key(prefix), self._ids.now_ms()
        led = [(int(unit), windows.start(unit, now_ms)) for unit in _LED_UNITS]
        span = windows.span(Unit.DAY, now_ms - 6 * DAY_MS, None, now_ms)

        def work(tx: Session) -> list[HashtagHistory]:
            found = hashtags.fetch_by_prefix(tx, key, _CANDIDATES)
            if len(found) == _CANDIDATES:
                found += hashtags.fetch_leaders_by_prefix(tx, key, led)
            best = sorted({row.id: row for row in found}.values(), key=lambda row: (-row.uses, row.name))
            return histories(tx, best[:limit], span)

        return self._storage.read(work)

    def trends(self, limit: int) -> list[HashtagHistory]:
        """Return the hashtags that trend, best first, with their last 24 hours."""
        span = windows.span(Unit.HOUR, None, None, self._ids.now_ms())
        return self._storage.read(lambda tx: trends(tx, limit, span))


def trends(tx: Session, limit: int, span: Span) -> list[HashtagHistory]:
    """Return the hashtags that trend, best first."""
    scores = series.fetch_trends(tx, limit)
    rows = in_order(hashtags.fetch(tx, list(scores)), scores)
    found = zip(rows, histories(tx, rows, span), strict=True)
    return [replace(history, score=scores[row.id]) for row, history in found]


def histories(tx: Session, rows: Sequence[HashtagRow], span: Span) -> list[HashtagHistory]:
    """Return the histories of hashtags, in their order; every window of the span is there."""
    tag_ids = [row.id for row in rows]
    newest = hashtags.fetch_last_used(tx, tag_ids)
    used = series.fetch_hashtag_windows(tx, span, tag_ids)
    return [
        HashtagHistory(
            row.name,
            row.uses,
            row.accounts,
            None if row.id not in newest else id_rules.time_ms(newest[row.id]),
            tuple(_window(used, row.id, start_ms, span.unit) for start_ms in span.starts),
        )
        for row in rows
    ]


def in_order(found: Mapping[int, HashtagRow], ids: Iterable[int]) -> list[HashtagRow]:
    """Return rows in the order of ids."""
    return [found[id_] for id_ in ids if id_ in found]


def _window(
    used: Mapping[tuple[int, int], tuple[int, int]], tag_id: int, start_ms: int, unit: Unit
) -> HashtagWindow:
    uses, accounts = used.get((tag_id, start_ms), (0, 0))
    return HashtagWindow(start_ms, uses, accounts if unit is Unit.DAY else None)
