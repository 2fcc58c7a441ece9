"""Pins: the few of one's own twoots that one's profile shows first."""

from __future__ import annotations

from twooter.domain.accounts import Viewer
from twooter.domain.actions import MAX_PINS
from twooter.domain.twoots import Card
from twooter.errors import Conflict, Forbidden, NotFound
from twooter.services.cards import Cards
from twooter.services.ids import Ids
from twooter.services.twoots import Twoots
from twooter.storage import pins
from twooter.storage.database import Session, Storage


class Pins:
    """Pins and takes pins back; doing it twice changes nothing."""

    def __init__(self, storage: Storage, ids: Ids, twoots: Twoots, cards: Cards) -> None:
        self._storage = storage
        self._ids = ids
        self._twoots = twoots
        self._cards = cards

    def pin(self, viewer: Viewer, id_: int) -> Card:
        """Show one's own twoot first on one's profile, and return it.

        Raises: NotFound when it does not exist or may not be seen; Forbidden when it is another account's; Conflict
        when as many as there may be are pinned.
        """
        card, now_ms = self._own(viewer, id_), self._ids.now_ms()

        def work(tx: Session) -> None:
            held = pins.hold(tx, viewer.account_id)
            if held is None:
                raise NotFound("account")  # suspended or deleted since the request began
            pins.remove(tx, viewer.account_id, [pinned for pinned, there in held.items() if not there])
            if id_ not in held and sum(held.values()) >= MAX_PINS:
                raise Conflict(f"Only {MAX_PINS} twoots can be pinned; take one back.", code="too_many_pins")
            pins.insert(tx, viewer.account_id, id_, now_ms)

        self._storage.transact(work)
        return card

    def unpin(self, viewer: Viewer, id_: int) -> Card:
        """Show one's own twoot in its place alone, and return it.

        Raises: NotFound when it does not exist or may not be seen; Forbidden when it is another account's.
        """
        card = self._own(viewer, id_)
        self._storage.transact(lambda tx: pins.remove(tx, viewer.account_id, [id_]))
        return card

    def of(self, account_id: int, viewer: Viewer | None) -> list[Card]:
        """Return what an account has pinned and the viewer may see, the last pinned first.

        Raises: NotFound when there is no such active account, or it blocks the viewer.
        """
        viewer_id = None if viewer is None else viewer.account_id

        def read(tx: Session) -> list[Card]:
            self._cards.check_account(tx, account_id, viewer_id)
            ids = pins.fetch(tx, account_id)
            cards = self._cards.of_entries(tx, [(id_, account_id) for id_ in ids], viewer_id)
            return [cards[id_] for id_ in ids if id_ in cards]

        return self._storage.read(read)

    def _own(self, viewer: Viewer, id_: int) -> Card:
        card = self._twoots.get(id_, viewer)
        if card.author.id != viewer.account_id:
            raise Forbidden("This twoot is not yours.")
        return card
