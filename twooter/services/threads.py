"""Threads: the conversation around a twoot, above it and below."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from twooter.domain import pages
from twooter.domain.accounts import Viewer
from twooter.domain.events import Envelope, TwootEvent
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Card, Ref
from twooter.services.cards import Cards
from twooter.services.twoots import Twoots
from twooter.storage import threads, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.threads import Below

_STEP = 500


@dataclass(frozen=True, slots=True)
class Thread:
    """What surrounds a twoot: above it, from the top on, each with its card or None where it is gone or not to be seen;
    below it a page, oldest first.
    """

    ancestors: list[tuple[int, Card | None]]
    card: Card
    below: Slice[Card]


class Threads:
    """Reads conversations, and keeps what is below each twoot where its author is."""

    def __init__(self, storage: Storage, cards: Cards, twoots: Twoots) -> None:
        self._storage = storage
        self._cards = cards
        self._twoots = twoots

    def get(self, id_: int, page: Page, viewer: Viewer | None) -> Thread:
        """Return the conversation around a twoot, up to 20 steps up and down; a fixed number of queries.

        Raises: NotFound when the twoot does not exist or the viewer may not see it.
        """
        card = self._twoots.get(id_, viewer)
        viewer_id = None if viewer is None else viewer.account_id
        return self._storage.read(partial(self._around, card=card, page=page, viewer_id=viewer_id))

    def _around(self, tx: Session, *, card: Card, page: Page, viewer_id: int | None) -> Thread:
        author_id, id_ = card.author.id, card.twoot.id
        above = [] if card.twoot.parent is None else twoots.fetch_ancestors(tx, author_id, id_)
        found = pages.cut(threads.fetch(tx, Ref(id_, author_id), page), page, lambda entry: -entry[0])
        entries = [(ref.id, ref.author_id) for ref in above]
        cards = self._cards.of_entries(tx, [*entries, *found.items], viewer_id)
        below = [cards[reply_id] for reply_id, _ in found.items if reply_id in cards]
        return Thread(
            [(ref.id, cards.get(ref.id)) for ref in reversed(above)],
            card,
            Slice(below, found.next_before, found.prev_after),
        )

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Note replies below what they answer, and forget those that are gone; may be repeated in any order.

        A reply that is noted after it has gone stays, and shows nothing: what is shown is read from twoots.
        """
        added: defaultdict[int, list[Below]] = defaultdict(list)
        gone: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for envelope in envelopes:
            event = envelope.event
            if not isinstance(event, TwootEvent):
                continue
            for twoot_id, author_id in zip(event.ancestors[::2], event.ancestors[1::2], strict=True):
                if event.sign > 0:
                    added[author_id].append((author_id, twoot_id, event.twoot_id, event.author_id))
                else:
                    gone[author_id].append((author_id, twoot_id, event.twoot_id))
        for rows in added.values():
            self._storage.transact(partial(_insert, rows=rows))
        for keys in gone.values():
            self._storage.transact(partial(_remove, keys=keys))


def _insert(tx: Session, rows: Sequence[Below]) -> None:
    threads.insert(tx, sorted(rows))


def _remove(tx: Session, keys: Sequence[tuple[int, int, int]]) -> None:
    for at in range(0, len(keys), _STEP):
        threads.remove(tx, keys[at : at + _STEP])
