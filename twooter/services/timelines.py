"""Timelines: public, by hashtag, by account; newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twooter.domain import graph, pages
from twooter.domain.accounts import Viewer
from twooter.domain.actions import Kind
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Card, Item, Ref, Row, item_id
from twooter.services.cards import Cards
from twooter.services.hashtags import Hashtags
from twooter.services.shown import Everybodys, Unseen
from twooter.storage import actions, entries, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry
from twooter.storage.statements import Question


class Timelines:
    """Reads pages: a fixed number of queries each, whatever the page holds."""

    def __init__(self, storage: Storage, cards: Cards, hashtags: Hashtags) -> None:
        self._storage = storage
        self._cards = cards
        self._hashtags = hashtags

    def public(self, page: Page) -> Everybodys:
        """Return a page of all public twoots, those of silenced accounts among them: `seen_by` leaves these out."""
        return self._storage.read(lambda tx: self._of_entries(tx, page, entries.fetch_public(tx, page)))

    def hashtag(self, key: str, page: Page) -> Everybodys:
        """Return a page of a hashtag's twoots, as `public` does; empty when nobody has used it."""
        tag_id = self._hashtags.find_id(key)
        if tag_id is None:
            return Everybodys.of(pages.cut([], page, item_id), [])
        return self._storage.read(
            lambda tx: self._of_entries(tx, page, entries.fetch_hashtag(tx, tag_id, page))
        )

    def seen_by(self, viewer: Viewer | None, found: Everybodys) -> Slice[Card]:
        """Return a page that everybody sees as a viewer does: without those it blocks, mutes or is blocked by, and what
        silenced accounts wrote for its followers alone.
        """
        if not found.items:
            return found
        if viewer is None:
            listed = [card for card in found.items if graph.is_listed(card.author, None)]
            return Slice(listed, found.next_before, found.prev_after)
        shown = self._storage.read(lambda tx: self._cards.seen_by(tx, found, viewer.account_id))
        return Slice(shown, found.next_before, found.prev_after)

    def account(self, account_id: int, page: Page, viewer: Viewer | None) -> Slice[Item]:
        """Return a page of an account's twoots and retwoots; those that the viewer may not see are left out.

        Raises: NotFound when there is no such active account, or it blocks the viewer.
        """
        return self.account_seen_by(account_id, viewer, self.account_page(account_id, page))

    def account_page(self, account_id: int, page: Page) -> Unseen:
        """Return a page of an account's twoots and retwoots, for `account_seen_by` to show.

        Raises: NotFound when there is no such active account.
        """
        return self._storage.read(lambda tx: self._of_account(tx, account_id, page))

    def account_seen_by(self, account_id: int, viewer: Viewer | None, found: Unseen) -> Slice[Item]:
        """Return an account's page as a viewer sees it: what it may not see is left out.

        Raises: NotFound when the account blocks the viewer.
        """
        viewer_id = None if viewer is None else viewer.account_id
        return self._cards.look_at(found, viewer_id, profile_id=account_id, ask=self._ask)

    def _ask(self, questions: Sequence[Question[Any]]) -> list[Any]:  # Any: what their rows mean
        return self._storage.read(lambda tx: tx.ask(questions))

    def _of_account(self, tx: Session, account_id: int, page: Page) -> Unseen:
        asked: list[Question[Any]] = [
            twoots.by_author(account_id, page),
            actions.done_by(account_id, Kind.RETWOOT, page),
        ]
        author, found, retwoots = self._cards.ask_of_account(tx, account_id, None, asked)
        written = {twoot.id: twoot for twoot in found}
        rows = [*(Row(id_, account_id, Ref(id_, account_id)) for id_ in written), *retwoots]
        rows.sort(key=_row_id, reverse=page.after is None)
        return self._cards.gather(tx, pages.cut(rows, page, _row_id), written, {account_id: author})

    def _of_entries(self, tx: Session, page: Page, found: list[Entry]) -> Everybodys:
        cut = pages.cut(found, page, lambda entry: entry[0])
        cards = self._cards.of_entries(tx, cut.items, None)
        shown = [cards[twoot_id] for twoot_id, _ in cut.items if twoot_id in cards]
        return Everybodys.of(cut, shown)


def _row_id(row: Row) -> int:
    return row.id
