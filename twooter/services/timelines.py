"""Timelines: public, by hashtag, by account; newest first."""

from __future__ import annotations

from twooter.domain import pages
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Card
from twooter.errors import NotFound
from twooter.services.cards import Cards
from twooter.services.hashtags import Hashtags
from twooter.storage import accounts, entries, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry


class Timelines:
    """Reads pages of cards: three queries each, whatever the page holds."""

    def __init__(self, storage: Storage, cards: Cards, hashtags: Hashtags) -> None:
        self._storage = storage
        self._cards = cards
        self._hashtags = hashtags

    def public(self, page: Page) -> Slice[Card]:
        """Return a page of all public twoots."""
        return self._storage.read(lambda tx: self._of_entries(tx, page, entries.fetch_public(tx, page)))

    def hashtag(self, key: str, page: Page) -> Slice[Card]:
        """Return a page of a hashtag's twoots; empty when nobody has used it."""
        tag_id = self._hashtags.find_id(key)
        if tag_id is None:
            return pages.cut([], page, _card_id)
        return self._storage.read(
            lambda tx: self._of_entries(tx, page, entries.fetch_hashtag(tx, tag_id, page))
        )

    def account(self, account_id: int, page: Page) -> Slice[Card]:
        """Return a page of an account's twoots.

        Raises: NotFound when there is no such active account.
        """

        def work(tx: Session) -> Slice[Card]:
            author = accounts.fetch_authors(tx, [account_id]).get(account_id)
            if author is None:
                raise NotFound("account")
            found = pages.cut(twoots.fetch_by_author(tx, account_id, page), page, lambda twoot: twoot.id)
            return Slice([Card(twoot, author) for twoot in found.items], found.next_before, found.prev_after)

        return self._storage.read(work)

    def _of_entries(self, tx: Session, page: Page, found: list[Entry]) -> Slice[Card]:
        cut = pages.cut(found, page, lambda entry: entry[0])
        cards = self._cards.of_entries(tx, cut.items)
        shown = [cards[twoot_id] for twoot_id, _ in cut.items if twoot_id in cards]
        return Slice(shown, cut.next_before, cut.prev_after)


def _card_id(card: Card) -> int:
    return card.twoot.id
