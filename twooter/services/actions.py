"""Actions: like, retwoot, bookmark and take it back; who did so, and what one did oneself."""

from __future__ import annotations

from dataclasses import replace

from twooter.domain import pages
from twooter.domain.accounts import Account, Viewer
from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Card, Flags, Ref, Twoot, Visibility
from twooter.errors import Forbidden, NotFound
from twooter.services import people
from twooter.services.cards import Cards
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.twoots import Homes, Twoots
from twooter.services.versions import Versions
from twooter.storage import actions
from twooter.storage.actions import Action
from twooter.storage.database import Session, Storage

_FLAGS = {Kind.LIKE: "liked", Kind.RETWOOT: "retwooted", Kind.BOOKMARK: "bookmarked"}
PRIVATE = (Kind.BOOKMARK,)
"""What nobody else hears of."""


class Actions:
    """What can be done with a twoot besides answering it; doing it twice, or not at all, changes nothing."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        twoots: Twoots,
        cards: Cards,
        versions: Versions,
        homes: Homes | None = None,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._twoots = twoots
        self._cards = cards
        self._versions = versions
        self._homes = homes

    def act(self, viewer: Viewer, kind: Kind, id_: int, *, request_id: str | None = None) -> Card:
        """Do something with a twoot and return it, with the counts that its row has before others hear of it.

        Raises: NotFound when it does not exist or the viewer may not see it; Forbidden for a retwoot of what is not for
        everybody, or before the e-mail address is confirmed, where that is asked for.
        """
        card = self._twoots.get(id_, viewer)
        if kind is Kind.RETWOOT:
            self._check_retwoot(viewer, card)
        self._set(viewer, kind, id_, card.twoot, request_id, active=True)
        return _flagged(card, kind, done=True)

    def undo(self, viewer: Viewer, kind: Kind, id_: int, *, request_id: str | None = None) -> Card:
        """Take back what the viewer did with a twoot and return it.

        Raises: NotFound when it does not exist or the viewer may not see it; what it did is taken back all the same.
        """
        try:
            card = self._twoots.get(id_, viewer)
        except NotFound:
            self._set(viewer, kind, id_, None, request_id, active=False)
            raise
        self._set(viewer, kind, id_, card.twoot, request_id, active=False)
        return _flagged(card, kind, done=False)

    def doers(self, id_: int, kind: Kind, page: Page, viewer: Viewer | None) -> Slice[Account]:
        """Return a page of those who did something with a twoot; who does so not for this viewer is left out.

        Raises: NotFound when the twoot does not exist or the viewer may not see it.
        """
        twoot = self._twoots.get(id_, viewer).twoot
        viewer_id = None if viewer is None else viewer.account_id
        return self._storage.read(
            lambda tx: _doers(tx, Ref(twoot.id, twoot.author_id), kind, page, viewer_id)
        )

    def done(self, viewer: Viewer, kind: Kind, page: Page) -> Slice[Card]:
        """Return a page of the twoots that the viewer did something with, in the order of its doing."""
        return self._storage.read(lambda tx: self._done(tx, viewer.account_id, kind, page))

    def _done(self, tx: Session, viewer_id: int, kind: Kind, page: Page) -> Slice[Card]:
        cut = pages.cut(actions.fetch(tx, viewer_id, kind, page), page, lambda row: row.id)
        keys = [(row.twoot.id, row.twoot.author_id) for row in cut.items]
        cards = self._cards.of_entries(tx, keys, viewer_id)
        shown = [cards[id_] for id_, _ in keys if id_ in cards]
        return Slice(shown, cut.next_before, cut.prev_after)

    def _check_retwoot(self, viewer: Viewer, card: Card) -> None:
        self._twoots.check_may_post(viewer)
        if not card.twoot.visibility.is_open or card.author.protected:
            raise Forbidden("Only what everybody may see can be retwooted.", code="not_open")

    def _set(
        self,
        viewer: Viewer,
        kind: Kind,
        id_: int,
        twoot: Twoot | None,
        request_id: str | None,
        *,
        active: bool,
    ) -> None:
        """Bring the viewer's own side to a state; the author's follows. Of a twoot that is None, only take back."""

        def work(tx: Session) -> Action | None:
            held = actions.hold(tx, viewer.account_id, kind, id_)
            if held is None:
                raise NotFound("account")  # suspended or deleted since the request began
            before = held.action
            if active == (before is not None and before.active):
                return None
            if before is None:
                if twoot is None:
                    raise AssertionError("what was never done is not taken back")
                edge_id = self._ids.make(above=id_)
                after = Action(viewer.account_id, Ref(id_, twoot.author_id), int(kind), 1, active, edge_id)
            else:
                edge_id = self._ids.make(above=id_) if active else before.edge_id
                after = replace(before, version=before.version + 1, active=active, edge_id=edge_id)
            actions.put(tx, after)
            if kind not in PRIVATE:
                # what is gone was for everybody when somebody else could retwoot it
                visibility = Visibility.PUBLIC if twoot is None else twoot.visibility
                event = event_of(after, visibility)
                self._outboxes.append(tx, viewer.account_id, event, request_id=request_id)
            return after

        done = self._outboxes.transact(work)
        if done is not None and kind is Kind.RETWOOT:
            self._versions.move_author(viewer.account_id, adds_only=active)
            if active and self._homes is not None:
                self._homes.did(viewer.account_id, done.edge_id, is_retwoot=True)


def event_of(action: Action, visibility: Visibility) -> ActionEvent:
    """Return what tells others of an action, or of its end."""
    return ActionEvent(
        action.account_id,
        action.kind,
        action.twoot.id,
        action.twoot.author_id,
        action.version,
        action.active,
        action.edge_id,
        visibility.value,
    )


def _flagged(card: Card, kind: Kind, *, done: bool) -> Card:
    flags = Flags() if card.flags is None else card.flags
    return replace(card, flags=replace(flags, **{_FLAGS[kind]: done}))


def _doers(tx: Session, twoot: Ref, kind: Kind, page: Page, viewer_id: int | None) -> Slice[Account]:
    cut = pages.cut(actions.fetch_doers(tx, twoot, kind, page), page, lambda row: row[0])
    ids = [account_id for _, account_id in cut.items]
    seen = people.fetch_seen(tx, ids, viewer_id)
    return Slice([seen[id_] for id_ in ids if id_ in seen], cut.next_before, cut.prev_after)
