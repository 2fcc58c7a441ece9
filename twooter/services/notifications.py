"""Notifications: what others did that concerns one, read, counted and marked; conversations one does not hear of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from twooter.domain import notifications as rules
from twooter.domain import pages
from twooter.domain.accounts import Author, Viewer
from twooter.domain.notifications import Key, Kind, Noted, Notification
from twooter.domain.pages import Page, Slice
from twooter.domain.scheduled_twoots import ScheduledTwoot
from twooter.domain.twoots import Card
from twooter.services.cards import Cards
from twooter.services.notices import mentions
from twooter.services.twoots import Twoots
from twooter.storage import muted_threads, notifications, scheduled_twoots
from twooter.storage.database import Session, Storage

MAX_UNREAD = 100


@dataclass(frozen=True, slots=True)
class Unread:
    """How many notifications are unread among the newest hundred unread ones; `more` when there are further ones."""

    count: int
    more: bool


class Notifications:
    """Reads notifications: a fixed number of queries, whatever they are of.

    What is not shown any more, since a twoot or an actor is gone or not for the viewer, is left out and not counted.
    """

    def __init__(self, storage: Storage, cards: Cards, twoots: Twoots) -> None:
        self._storage = storage
        self._cards = cards
        self._twoots = twoots

    def page(
        self, viewer: Viewer, kinds: Sequence[Kind], page: Page, *, grouped: bool
    ) -> Slice[Notification]:
        """Return a page of some kinds, or all; grouped, those of the same kind and twoot are one.

        A page of groups is made of the rows that follow its cursor, as many as make `page.limit` groups, and at most
        `WINDOW`. What came later of the same group is on an earlier page, as a group of its own.
        """
        return self._storage.read(lambda tx: self._page(tx, viewer, kinds, page, grouped=grouped))

    def one(self, key: Key) -> Notification | None:
        """Return what an account is told of one key, or None where it is not shown it, or not any more."""

        def work(tx: Session) -> Notification | None:
            shown = self._shown(tx, key.account_id, notifications.fetch_by_keys(tx, [key]))
            return _notification(shown, notifications.find_mark(tx, key.account_id)) if shown else None

        return self._storage.read(work)

    def unread(self, viewer: Viewer) -> Unread:
        """Return how much of what a viewer is shown is newer than its mark; one query where nothing is."""
        return self._storage.read(lambda tx: self._unread(tx, viewer.account_id))

    def mark_read(self, viewer: Viewer, id_: int) -> None:
        """Take everything up to an id for read; what was read before stays so, and what is yet to come is not."""
        self._storage.transact(partial(notifications.move_mark, account_id=viewer.account_id, read_id=id_))

    def mute_thread(self, viewer: Viewer, twoot_id: int) -> None:
        """Make no notifications of a twoot's conversation from now on.

        Raises: NotFound when there is no such twoot or the viewer may not see it.
        """
        root_id = self._root_of(viewer, twoot_id)
        self._storage.transact(partial(muted_threads.insert, account_id=viewer.account_id, root_id=root_id))

    def unmute_thread(self, viewer: Viewer, twoot_id: int) -> None:
        """Make notifications of a twoot's conversation again.

        Raises: NotFound when there is no such twoot or the viewer may not see it.
        """
        root_id = self._root_of(viewer, twoot_id)
        self._storage.transact(partial(muted_threads.remove, account_id=viewer.account_id, root_id=root_id))

    def _root_of(self, viewer: Viewer, twoot_id: int) -> int:
        twoot = self._twoots.get(twoot_id, viewer).twoot
        return twoot.root_id or twoot.id

    def _page(
        self, tx: Session, viewer: Viewer, kinds: Sequence[Kind], page: Page, *, grouped: bool
    ) -> Slice[Notification]:
        rows = notifications.fetch(
            tx, viewer.account_id, kinds, replace(page, limit=rules.WINDOW) if grouped else page
        )
        limit = rules.taken(rows, page.limit) if grouped else page.limit
        cut = pages.cut(rows, replace(page, limit=limit), lambda noted: noted.id)
        shown = self._shown(tx, viewer.account_id, cut.items)
        read_id = notifications.find_mark(tx, viewer.account_id)
        groups: dict[Hashable, list[_Shown]] = {}
        for one in shown:
            groups.setdefault(rules.group_of(one.noted, grouped=grouped), []).append(one)
        items = [_notification(group, read_id) for group in groups.values()]
        return Slice(items, cut.next_before, cut.prev_after)

    def _unread(self, tx: Session, account_id: int) -> Unread:
        rows = notifications.fetch_unread(tx, account_id, MAX_UNREAD + 1)
        return Unread(len(self._shown(tx, account_id, rows[:MAX_UNREAD])), len(rows) > MAX_UNREAD)

    def _shown(self, tx: Session, viewer_id: int, rows: Sequence[Noted]) -> list[_Shown]:
        """Return those that the viewer is shown, in their order; six queries at most."""
        if not rows:
            return []
        doings = [noted.key for noted in rows if not noted.key.of_scheduled]
        entries = {(key.twoot_id, key.twoot_author_id) for key in doings if key.twoot_id}
        own_ids = [noted.key.twoot_id for noted in rows if noted.key.of_scheduled]
        actor_ids = {key.actor_id for key in doings} | ({viewer_id} if own_ids else set())
        cards, people = self._cards.of_doings(tx, sorted(entries), actor_ids, viewer_id)
        refused = scheduled_twoots.fetch_some(tx, viewer_id, own_ids)
        found = (
            _Shown(noted, people.get(viewer_id), None, refused.get(noted.key.twoot_id))
            if noted.key.of_scheduled
            else _Shown(noted, people.get(noted.key.actor_id), cards.get(noted.key.twoot_id))
            for noted in rows
        )
        return [one for one in found if one.holds(viewer_id)]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A notification with who did it, and the twoot it is of, or will be."""

    noted: Noted
    actor: Author | None
    card: Card | None
    scheduled: ScheduledTwoot | None = None

    def holds(self, viewer_id: int) -> bool:
        """Return whether a viewer is still shown it."""
        key = self.noted.key
        if key.of_scheduled:  # what got another time, or was cancelled, is refused no more
            return self.scheduled is not None and self.scheduled.version == key.actor_id
        if self.actor is None or (key.twoot_id and self.card is None):
            return False
        # an edit may have taken the mention back
        return key.kind is not Kind.MENTION or (
            self.card is not None and mentions(self.card.twoot, viewer_id)
        )


def _notification(group: Sequence[_Shown], read_id: int) -> Notification:
    newest = group[0]
    people = [one.actor for one in group[: rules.MAX_ACCOUNTS] if one.actor is not None]
    return Notification(
        newest.noted.id,
        newest.noted.key.kind,
        people,
        len(group),
        newest.card,
        newest.noted.id <= read_id,
        newest.scheduled,
    )
