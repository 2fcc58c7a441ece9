"""Audiences: what those who listen to live updates are shown of an event, decided when it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from twooter.domain import graph
from twooter.domain.accounts import Author
from twooter.domain.grammar import tag_key
from twooter.domain.graph import Ties
from twooter.domain.notifications import Key, Kind, Notification
from twooter.domain.streams import (
    CHANGED,
    GONE,
    NOTIFICATION,
    RETWOOT,
    TAKEN_BACK,
    Mark,
    News,
    after,
    is_missing,
    log_by,
    log_under,
)
from twooter.domain.twoots import Card, Item, Ref, Row
from twooter.errors import Unavailable
from twooter.services.cards import Cards
from twooter.services.notifications import Notifications
from twooter.services.popular import Popular
from twooter.services.shown import Place
from twooter.storage import accounts, followed_hashtags, hashtags, home_rows, ties
from twooter.storage.database import Session, Storage
from twooter.storage.homes import Entry
from twooter.storage.streams import Logs, Opened

_PLACES = {"home": Place.HOME, "by": Place.HOME, "under": Place.HASHTAG}
"""By the kind of a log: where what it tells of is shown."""
_SHOWN_AT = {"home": Place.ANY, "by": Place.ANY, "under": Place.HASHTAG}
"""Where what changed was shown: at home also for somebody's retwoot."""


class Updated(NamedTuple):
    """A twoot that is shown otherwise now."""

    card: Card


class Removed(NamedTuple):
    """What is shown no more: `what` is a twoot, a retwoot or an account."""

    what: str
    id: int


Told = Item | Notification | Updated | Removed


class Audiences:
    """Opens logs, reads what was missed, and shows events to many viewers by a fixed number of queries for each."""

    def __init__(
        self,
        storage: Storage,
        cards: Cards,
        notifications: Notifications,
        popular: Popular,
        logs: Logs | None,
    ) -> None:
        self._storage = storage
        self._cards = cards
        self._notifications = notifications
        self._popular = popular
        self._logs = logs

    @property
    def logs(self) -> Logs:
        """Return the logs.

        Raises: Unavailable where there are none.
        """
        if self._logs is None:
            raise Unavailable(
                "Live updates need Redis, and this instance has none.", retry_after_seconds=3600
            )
        return self._logs

    def listen(
        self, stopping: threading.Event, tell: Callable[[News], None], connected: Callable[[], None]
    ) -> None:
        """Tell everything that is appended until told to stop; `connected` whenever something may have been missed."""
        self.logs.listen(stopping, tell, connected)

    def open(self, names: Sequence[str]) -> Opened:
        """Let logs be there for the next ten minutes."""
        return self.logs.open(names)

    def popular_of(self, account_id: int) -> list[str]:
        """Return the logs of popular accounts that somebody follows: nobody pushes these to its home."""
        popular = self._popular.all()
        if not popular:
            return []
        found = self._storage.read(lambda tx: home_rows.fetch_followed_among(tx, account_id, sorted(popular)))
        return [log_by(id_) for id_ in found]

    def hashtags_of(self, account_id: int) -> list[str]:
        """Return the logs of the hashtags that somebody follows: nobody pushes their twoots to its home."""

        def work(tx: Session) -> list[str]:
            tag_ids = followed_hashtags.fetch_ids(tx, account_id)
            names = hashtags.fetch_names(tx, tag_ids) if tag_ids else {}
            return [log_under(tag_key(name)) for name in names.values()]

        return self._storage.read(work)

    def missed(self, topic_of: dict[str, int], mark: Mark) -> tuple[list[News], set[str]]:
        """Return what logs have after a mark, in order, and those of them that may have lost some of it."""
        found: list[News] = []
        broken: set[str] = set()
        topic_of = dict(topic_of)  # what one follows may change meanwhile
        for name in topic_of:
            first, news = self.logs.read(name, mark.position.ms)
            found += news
            if is_missing(first, mark):
                broken.add(name)
        return after(found, mark, topic_of), broken

    def shown(self, news: News, viewer_ids: Sequence[int]) -> dict[int, Told]:
        """Return what viewers are told of an event; who is told nothing is not named."""
        kind = news.pointer.kind
        if kind == NOTIFICATION:
            return self._notified(news, viewer_ids)
        if kind == GONE:
            return self._gone(viewer_ids, news.pointer.numbers[0])
        place = news.log.partition(":")[0]
        if kind in (CHANGED, TAKEN_BACK):
            return self._changed(news, viewer_ids, _SHOWN_AT.get(place, Place.LISTED))
        return self._happened(news, viewer_ids, _PLACES.get(place, Place.LISTED))

    def _happened(self, news: News, viewer_ids: Sequence[int], place: Place) -> dict[int, Told]:
        id_, actor_id = news.pointer.numbers
        entry = Entry(id_, actor_id, news.pointer.kind == RETWOOT)

        def work(tx: Session) -> dict[int, Told]:
            rows = home_rows.resolve(tx, [entry])
            return dict(self._cards.of_row(tx, rows[0], viewer_ids, place)) if rows else {}

        return self._storage.read(work)

    def _changed(self, news: News, viewer_ids: Sequence[int], place: Place) -> dict[int, Told]:
        """Return a twoot as those see it who do; that it is gone learn those who may have been shown it before.

        Nobody hears of whom it mutes, or a block is between; a fixed number of queries for every 200 viewers.
        """
        id_, by_id = news.pointer.numbers
        what = "twoot" if news.pointer.kind == CHANGED else "retwoot"

        def work(tx: Session) -> dict[int, Told]:
            items = dict[int, Item]()
            if what == "twoot":
                items = self._cards.of_row(tx, Row(id_, by_id, Ref(id_, by_id)), viewer_ids, place)
            told: dict[int, Told] = {id_: Updated(it) for id_, it in items.items() if isinstance(it, Card)}
            others = [viewer_id for viewer_id in viewer_ids if viewer_id not in told]
            if not others:
                return told
            author = accounts.fetch_authors(tx, [by_id]).get(by_id)
            for viewer_id, bond in _bonds(tx, others, by_id):
                if _may_have_been_shown(author, viewer_id, bond, place):
                    told[viewer_id] = Removed(what, id_)
            return told

        return self._storage.read(work)

    def _gone(self, viewer_ids: Sequence[int], account_id: int) -> dict[int, Told]:
        """Tell everybody that an account is gone, if it still is: with it goes who it was hidden from."""
        if self._storage.read(lambda tx: accounts.fetch_authors(tx, [account_id])):
            return {}
        return dict.fromkeys(viewer_ids, Removed("account", account_id))

    def _notified(self, news: News, viewer_ids: Sequence[int]) -> dict[int, Told]:
        kind, twoot_id, actor_id = news.pointer.numbers
        found = {id_: self._notifications.one(Key(id_, Kind(kind), twoot_id, actor_id)) for id_ in viewer_ids}
        return {id_: notification for id_, notification in found.items() if notification is not None}


def _bonds(tx: Session, viewer_ids: Sequence[int], account_id: int) -> Iterable[tuple[int, Ties]]:
    """Yield how viewers stand to an account; a query for every 200."""
    now_ms = (
        time.time_ns() // 1_000_000
    )  # only mutes have an end: it need not be a clock that all processes share
    sights = ties.of_viewers(tx, viewer_ids, [account_id], [account_id], now_ms)
    for viewer_id in viewer_ids:
        sight = sights.get(viewer_id)
        yield viewer_id, graph.STRANGERS if sight is None else sight.to(account_id)


def _may_have_been_shown(author: Author | None, viewer_id: int, bond: Ties, place: Place) -> bool:
    """Return whether somebody may have been shown what an account did and does not show any more."""
    if bond.muting or bond.blocking or bond.blocked_by:
        return False
    if place is Place.HASHTAG and (bond.follows or (author is not None and author.id == viewer_id)):
        return False  # it is told of at home
    return place is Place.ANY or author is None or graph.is_listed(author, viewer_id, bond)
