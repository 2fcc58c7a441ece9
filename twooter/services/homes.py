"""Home timelines: what oneself and those one follows do, from Redis or, the same page, from the database."""

from __future__ import annotations

import time
from collections.abc import Sequence

from twooter.domain import pages
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Item
from twooter.metrics import HOME_READS
from twooter.services.cards import Cards
from twooter.services.popular import Popular
from twooter.storage import followed_hashtags, home_rows
from twooter.storage.cache import Call
from twooter.storage.database import Session, Storage
from twooter.storage.homes import Entry, HomeWindows, Missing, newest_first

_TRIES = 3
_by_redis, _by_database, _by_building = map(HOME_READS.labels, ("redis", "database", "rebuild"))


class Homes:
    """Reads home timelines, and keeps them when people follow and write; `windows` is None without Redis."""

    def __init__(self, storage: Storage, cards: Cards, popular: Popular, windows: HomeWindows | None) -> None:
        self._storage = storage
        self._cards = cards
        self._popular = popular
        self._windows = windows

    def page(self, viewer: Viewer, page: Page) -> Slice[Item]:
        """Return a page of a viewer's home timeline.

        Left out is what it may not see, what it blocks and mutes, and what those did whom it follows no more; the
        page is shorter then. What is there for a hashtag that it follows is merged when it is read.
        """
        account_id = viewer.account_id
        entries = self._kept(account_id, page)
        if entries is None:
            _by_database.inc()
            entries = self._storage.read(lambda tx: _read(tx, _actors(tx, account_id), page))
        tagged = self._tagged(account_id, entries, page) if viewer.follows_hashtags else []
        cut = pages.cut(_joined(entries, tagged, page), page, _id)
        items = self._storage.read(lambda tx: self._items(tx, cut.items, account_id, tagged))
        self._storage.settle()  # where nothing was asked: `viewer` may have begun to follow hashtags elsewhere
        return Slice(items, cut.next_before, cut.prev_after)

    def did(self, account_id: int, row_id: int, *, is_retwoot: bool = False) -> None:
        """Show at once in somebody's own timeline what it has just written or passed on."""
        if self._windows is not None:
            self._windows.add_own(Entry(row_id, account_id, is_retwoot))

    def doing(self, account_id: int, row_id: int) -> Call | None:
        """Return what shows at once in somebody's own timeline what it has just written; None where nothing does."""
        own = Entry(row_id, account_id, is_retwoot=False)
        return None if self._windows is None else self._windows.own(own)

    def followed(self, follower_id: int, target_id: int) -> None:
        """Bring a follower's timeline to how it stands to somebody now; may be repeated.

        To be called when others' doing is pushed to the follower already: what was done before is read here.

        Raises: Unavailable when Redis does not answer.
        """
        self._settle(follower_id, target_id)

    def unfollowed(self, follower_id: int, target_id: int) -> None:
        """Bring a follower's timeline to how it stands to somebody now; may be repeated.

        Raises: Unavailable when Redis does not answer.
        """
        self._settle(follower_id, target_id)

    def _settle(self, follower_id: int, target_id: int) -> None:
        """Do what the edge says until it says the same afterwards: two workers may have opposite news at once."""
        if self._windows is None or follower_id == target_id:
            return
        follows = self._follows(follower_id, target_id)
        for _ in range(_TRIES):
            if not follows:
                self._windows.remove(follower_id, target_id)
            elif not self._popular.is_popular(target_id):
                self._merge(self._windows, follower_id, target_id)
            before, follows = follows, self._follows(follower_id, target_id)
            if before == follows:
                return

    def _follows(self, follower_id: int, target_id: int) -> bool:
        return bool(
            self._storage.read(lambda tx: home_rows.fetch_followed_among(tx, follower_id, [target_id]))
        )

    def _merge(self, windows: HomeWindows, follower_id: int, target_id: int) -> None:
        page = Page(windows.entries)
        newest = self._storage.read(lambda tx: _read(tx, [target_id], page))
        windows.merge(follower_id, newest[: page.limit], whole=len(newest) <= page.limit)

    def _kept(self, account_id: int, page: Page) -> list[Entry] | None:
        """Return the rows of a page that Redis has, in reading order and one more, or None."""
        if self._windows is None:
            return None
        found = self._windows.read(account_id, page)
        if found is Missing.ELSEWHERE:
            return None
        if not isinstance(found, Missing):
            _by_redis.inc()
            return self._with_popular(account_id, found, page)
        built = self._build(self._windows, account_id)
        is_enough = page == Page(page.limit) and page.limit <= self._windows.entries
        if built is None or not is_enough:
            return None
        _by_building.inc()
        return self._with_popular(account_id, built[: page.limit + 1], page)

    def _build(self, windows: HomeWindows, account_id: int) -> list[Entry] | None:
        """Build a timeline that is not there; return its newest rows, or None when somebody else builds it.

        It is begun before it is read, so that what is pushed meanwhile is not lost.
        """
        mark = windows.begin(account_id)
        if mark is None:
            return None
        now_ms = _now_ms()
        popular = self._popular.merged(now_ms) - {account_id}
        page = Page(windows.entries)
        found = self._storage.read(
            lambda tx: _read(tx, [id_ for id_ in _actors(tx, account_id) if id_ not in popular], page)
        )
        kept, whole = found[: page.limit], len(found) <= page.limit
        windows.finish(account_id, mark, kept, whole=whole)
        return found

    def _with_popular(self, account_id: int, found: list[Entry], page: Page) -> list[Entry]:
        """Return rows with those of popular accounts that the viewer follows, in reading order and one more."""
        popular = self._popular.all()
        if not popular:
            return found
        return self._storage.read(lambda tx: _merged(tx, account_id, sorted(popular), found, page))

    def _tagged(self, account_id: int, found: Sequence[Entry], page: Page) -> list[Entry]:
        """Return what followed hashtags have of the page that ends where `found` does; two round trips at most."""

        def read(tx: Session) -> list[Entry]:
            tag_ids = followed_hashtags.fetch_ids(tx, account_id)
            entries = followed_hashtags.fetch_entries(tx, tag_ids, page, _edge(found, page))
            return [Entry(twoot_id, author_id, is_retwoot=False) for twoot_id, author_id in entries]

        return self._storage.read(read)

    def _items(
        self, tx: Session, entries: Sequence[Entry], viewer_id: int, tagged: Sequence[Entry]
    ) -> list[Item]:
        return self._cards.at_home(tx, entries, viewer_id, {entry.id for entry in tagged})


def _merged(
    tx: Session, account_id: int, popular: Sequence[int], found: list[Entry], page: Page
) -> list[Entry]:
    followed = home_rows.fetch_followed_among(tx, account_id, popular)
    return _joined(found, _read(tx, followed, page, _edge(found, page)), page)


def _edge(found: Sequence[Entry], page: Page) -> int | None:
    """Return the last row of a full page: what is beyond is of the next one."""
    return found[-1].id if len(found) > page.limit else None


def _joined(found: list[Entry], others: Sequence[Entry], page: Page) -> list[Entry]:
    """Return the rows of a page from two places, each once, in reading order and one more."""
    if not others:
        return found
    rows = newest_first([*found, *others])
    if page.after is not None:
        rows.reverse()
    return rows[: page.limit + 1]


def _read(tx: Session, actor_ids: Sequence[int], page: Page, edge: int | None = None) -> list[Entry]:
    return home_rows.fetch(tx, actor_ids, page, now_ms=_now_ms(), edge=edge)


def _actors(tx: Session, account_id: int) -> list[int]:
    return [account_id, *home_rows.fetch_followed(tx, account_id)]


def _id(entry: Entry) -> int:
    return entry.id


def _now_ms() -> int:
    # only where to look first: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000
