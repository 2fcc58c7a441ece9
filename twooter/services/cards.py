"""Cards: twoots with their authors, assembled in batch by a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.twoots import Card, Twoot
from twooter.errors import NotFound
from twooter.storage import accounts, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry


class Cards:
    """Assembles cards; what is gone or may not be seen is left out."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def one(self, twoot: Twoot) -> Card:
        """Return the card of a twoot.

        Raises: NotFound when its author is not active.
        """
        cards = self._storage.read(lambda tx: self.of(tx, [twoot]))
        if not cards:
            raise NotFound("twoot")
        return cards[0]

    def of_entries(self, tx: Session, entries: Sequence[Entry]) -> dict[int, Card]:
        """Return by twoot id the cards of entries; two queries."""
        found = twoots.fetch(tx, [(author_id, twoot_id) for twoot_id, author_id in entries])
        return {card.twoot.id: card for card in self.of(tx, list(found.values()))}

    def of(self, tx: Session, found: Sequence[Twoot]) -> list[Card]:
        """Return the cards of twoots, in their order; one query."""
        authors = accounts.fetch_authors(tx, sorted({twoot.author_id for twoot in found}))
        return [
            Card(twoot, author) for twoot in found if (author := authors.get(twoot.author_id)) is not None
        ]
