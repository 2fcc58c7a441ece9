"""Repeats: what a page of a home timeline shows again, since a retwoot not far above it shows the same twoot."""

from __future__ import annotations

import time
from collections.abc import Sequence

from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Item, Retwoot, Twoot
from twooter.services.cards import Cards
from twooter.services.popular import Popular
from twooter.storage import home_rows
from twooter.storage.database import Session, Storage
from twooter.storage.home_rows import Reading
from twooter.storage.homes import Entry, HomeWindows, Missing

WINDOW = 400
"""Rows within which a twoot is shown once: as many as Redis keeps of a timeline."""


class Repeats:
    """Looks at the rows right above a page, in Redis or, the same rows, in the database.

    Only retwoots repeat what is below them: a twoot's own row is the oldest of all that show it.
    """

    def __init__(self, storage: Storage, cards: Cards, popular: Popular, windows: HomeWindows | None) -> None:
        self._storage = storage
        self._cards = cards
        self._popular = popular
        self._windows = windows

    def left_out(self, viewer_id: int, page: Slice[Item]) -> Slice[Item]:
        """Return a page without what the viewer is shown in one of the 400 rows above it.

        A round trip to Redis or a page's reading, one more where others passed something on there, and up to three
        where that is on this page.
        """
        if page.prev_after is None or not page.items:
            return page
        above = Page(WINDOW, after=page.prev_after)
        kept = Missing.ELSEWHERE if self._windows is None else self._windows.read(viewer_id, above)
        popular = sorted(self._popular.all())
        shown = {_twoot(item).id for item in page.items}

        def read(tx: Session) -> set[int]:
            if isinstance(kept, Missing):
                rows = self._all(tx, viewer_id, above)
            else:
                rows = self._with(tx, popular, viewer_id, above, kept)
            return self._shown_of(tx, viewer_id, rows[:WINDOW], shown)

        repeated = self._storage.read(read)
        items = [item for item in page.items if _twoot(item).id not in repeated]
        return Slice(items, page.next_before, page.prev_after)

    def _shown_of(self, tx: Session, viewer_id: int, above: Sequence[Entry], shown: set[int]) -> set[int]:
        """Return which of some twoots the viewer is shown by retwoots among rows."""
        retwoots = [entry for entry in above if entry.is_retwoot]
        found = home_rows.resolve(tx, retwoots) if retwoots else []
        same = [Entry(row.id, row.by_id, is_retwoot=True) for row in found if row.twoot.id in shown]
        return {_twoot(item).id for item in self._cards.at_home(tx, same, viewer_id)} if same else set()

    @staticmethod
    def _all(tx: Session, viewer_id: int, page: Page) -> list[Entry]:
        (followed,) = tx.ask([home_rows.followed(viewer_id)])
        return home_rows.fetch(tx, [viewer_id, *followed], Reading(page, _now_ms()))

    @staticmethod
    def _with(
        tx: Session, popular: Sequence[int], viewer_id: int, page: Page, kept: list[Entry]
    ) -> list[Entry]:
        """Return rows with those of popular accounts that the viewer follows."""
        if not popular:
            return kept
        followed = home_rows.fetch_followed_among(tx, viewer_id, popular)
        edge = kept[-1].id if len(kept) > page.limit else None
        return sorted({*kept, *home_rows.fetch(tx, followed, Reading(page, _now_ms(), edge))})


def _twoot(item: Item) -> Twoot:
    return (item.card if isinstance(item, Retwoot) else item).twoot


def _now_ms() -> int:
    # only where to look first: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000
