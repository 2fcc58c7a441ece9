"""Audiences: what those who listen to live updates are shown of an event, decided when it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from twooter.domain.grammar import tag_key
from twooter.domain.notifications import Key, Kind, Notification
from twooter.domain.streams import NOTIFICATION, RETWOOT, Mark, News, after, is_missing, log_by, log_under
from twooter.domain.twoots import Item
from twooter.errors import Unavailable
from twooter.services.cards import Cards
from twooter.services.notifications import Notifications
from twooter.services.popular import Popular
from twooter.services.shown import Place
from twooter.storage import followed_hashtags, hashtags, home_rows
from twooter.storage.database import Session, Storage
from twooter.storage.homes import Entry
from twooter.storage.streams import Logs, Opened

_PLACES = {"home": Place.HOME, "by": Place.HOME, "under": Place.HASHTAG}
"""By the kind of a log: where what it tells of is shown."""


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

    def shown(self, news: News, viewer_ids: Sequence[int]) -> dict[int, Item | Notification]:
        """Return what viewers are shown of an event; who is not shown it is not named."""
        if news.pointer.kind == NOTIFICATION:
            return self._notified(news, viewer_ids)
        id_, actor_id = news.pointer.numbers
        entry = Entry(id_, actor_id, news.pointer.kind == RETWOOT)
        place = _PLACES.get(news.log.partition(":")[0], Place.LISTED)

        def work(tx: Session) -> dict[int, Item | Notification]:
            rows = home_rows.resolve(tx, [entry])
            return dict(self._cards.of_row(tx, rows[0], viewer_ids, place)) if rows else {}

        return self._storage.read(work)

    def _notified(self, news: News, viewer_ids: Sequence[int]) -> dict[int, Item | Notification]:
        kind, twoot_id, actor_id = news.pointer.numbers
        found = {id_: self._notifications.one(Key(id_, Kind(kind), twoot_id, actor_id)) for id_ in viewer_ids}
        return {id_: notification for id_, notification in found.items() if notification is not None}
