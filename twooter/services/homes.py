"""Home timelines: what oneself and those one follows do, from Redis or, the same page, from the database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain import pages
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Item, Retwoot, item_id
from twooter.metrics import HOME_READS
from twooter.services.cards import Cards
from twooter.services.glances import Glance, Glances
from twooter.services.popular import Popular
from twooter.services.repeats import Repeats
from twooter.storage import followed_hashtags, home_rows
from twooter.storage.cache import Call
from twooter.storage.carrying import Carrying
from twooter.storage.database import Session, Storage
from twooter.storage.home_rows import Reading
from twooter.storage.homes import Entry, HomeWindows, Missing, newest_first
from twooter.storage.statements import Question

_TRIES = 3
_by_redis, _by_database, _by_building = map(HOME_READS.labels, ("redis", "database", "rebuild"))


@dataclass(frozen=True, slots=True)
class _Source:
    """Whose doing a page lacks, beside the rows of it that are there; `own_id` is of who is among them anyway."""

    followed: Question[list[int]]
    glances: Glances
    own_id: int | None = None
    there: list[Entry] | None = None
    edge: int | None = None

    def actors(self, followed: list[int]) -> list[int]:
        """Return all whose doing it is."""
        return followed if self.own_id is None else [self.own_id, *followed]


class Homes:
    """Reads home timelines, and keeps them when people follow and write; `windows` is None without Redis."""

    def __init__(self, storage: Storage, cards: Cards, popular: Popular, windows: HomeWindows | None) -> None:
        self._storage = storage
        self._cards = cards
        self._popular = popular
        self._windows = windows
        self._repeats = Repeats(storage, cards, popular, windows)
        self._glances, self._popular_glances = Glances(), Glances()

    def page(self, viewer: Viewer, page: Page) -> Slice[Item]:
        """Return a page of a viewer's home timeline.

        Left out is what it may not see, what it blocks and mutes, and what those did whom it follows no more; the
        page is shorter then. What is there for a hashtag that it follows is merged when it is read. What several rows
        show is shown in the newest of them, within 400 rows.
        """
        source = self._source(viewer.account_id, page)
        shown = self._storage.read(lambda tx: self._shown(tx, viewer, page, source))
        if page != Page(page.limit):
            shown = self._repeats.left_out(viewer.account_id, shown)
        self._storage.settle()  # where nothing was asked: `viewer` may have begun to follow hashtags elsewhere
        return shown

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
        newest = self._storage.read(lambda tx: home_rows.fetch(tx, [target_id], Reading(page, _now_ms())))
        windows.merge(follower_id, newest[: page.limit], whole=len(newest) <= page.limit)

    def _source(self, account_id: int, page: Page) -> _Source | list[Entry]:
        """Return what the database has to be asked for, or all rows of a page in reading order and one more."""
        there = self._kept(account_id, page)
        if there is None:
            _by_database.inc()
            return _Source(home_rows.followed(account_id), self._glances, own_id=account_id)
        popular = self._popular.all()
        if not popular:
            return there
        followed = home_rows.followed_among(account_id, sorted(popular))
        return _Source(followed, self._popular_glances, there=there, edge=_edge(there, page))

    def _kept(self, account_id: int, page: Page) -> list[Entry] | None:
        """Return the rows of a page that Redis has, in reading order and one more, or None."""
        if self._windows is None:
            return None
        found = self._windows.read(account_id, page)
        if found is Missing.ELSEWHERE:
            return None
        if not isinstance(found, Missing):
            _by_redis.inc()
            return found
        built = self._build(self._windows, account_id)
        is_enough = page == Page(page.limit) and page.limit <= self._windows.entries
        if built is None or not is_enough:
            return None
        _by_building.inc()
        return built[: page.limit + 1]

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

        def read(tx: Session) -> list[Entry]:
            (followed,) = tx.ask([home_rows.followed(account_id)])
            actor_ids = [id_ for id_ in (account_id, *followed) if id_ not in popular]
            return home_rows.fetch(tx, actor_ids, Reading(page, now_ms))

        found = self._storage.read(read)
        kept, whole = found[: page.limit], len(found) <= page.limit
        windows.finish(account_id, mark, kept, whole=whole)
        return found

    def _shown(self, tx: Session, viewer: Viewer, page: Page, source: _Source | list[Entry]) -> Slice[Item]:
        """Return what is shown of a page; one round trip where all is as it was when it was last read."""
        account_id, met = viewer.account_id, _Met([], [])
        if isinstance(source, _Source):
            found, met = self._look(tx, viewer, page, source)
        else:
            found = source
        tagged = self._tagged(tx, account_id, found, page) if viewer.follows_hashtags else []
        cut = pages.cut(_joined(found, tagged, page), page, _id)
        items = met.items
        if cut.items != met.entries:
            items = self._renewed(tx, account_id, cut.items, met.among(cut.items), tagged)
        return Slice(items, cut.next_before, cut.prev_after)

    def _renewed(
        self, tx: Session, account_id: int, entries: Sequence[Entry], met: _Met, tagged: Sequence[Entry]
    ) -> list[Item]:
        """Return what is shown of a page's rows, of which some were met already."""
        known = set(met.entries)
        others = [entry for entry in entries if entry not in known]
        items = self._cards.at_home(tx, others, account_id, {entry.id for entry in tagged})
        return _merged(entries, [*met.items, *items]) if known else items

    def _look(self, tx: Session, viewer: Viewer, page: Page, source: _Source) -> tuple[list[Entry], _Met]:
        """Return a page's rows in reading order and one more, and what of the page as it was seen last was met on the
        way: whom the viewer follows, their rows and the cards of the former ones are asked for in one packet.
        """
        account_id, now_ms = viewer.account_id, _now_ms()
        glance, met = source.glances.find(account_id), _Met([], [])
        reading = Reading(page, now_ms, source.edge, None if glance is None else glance.seen(page))
        actor_ids = [] if glance is None else glance.actor_ids.tolist()
        carrying = Carrying(tx, [source.followed, *reading.first(actor_ids)])
        if reading.seen is not None and glance is not None and not viewer.follows_hashtags:
            entries = _joined(source.there or [], glance.entries, page)[: page.limit]
            met = _Met(entries, self._cards.at_home(carrying, entries, account_id))
        followed, *first = carrying.answers()
        actors = source.actors(followed)
        is_known = glance is not None and actors == actor_ids
        if not is_known:
            reading = Reading(page, now_ms, source.edge)
        rows = home_rows.fetch(tx, actors, reading, first if is_known else None)
        if page == Page(page.limit):
            source.glances.keep(account_id, Glance.of(actors, rows, reading))
        return _joined(source.there or [], rows, page), met

    @staticmethod
    def _tagged(tx: Session, account_id: int, found: Sequence[Entry], page: Page) -> list[Entry]:
        """Return what followed hashtags have of the page that ends where `found` does; two round trips at most."""
        tag_ids = followed_hashtags.fetch_ids(tx, account_id)
        entries = followed_hashtags.fetch_entries(tx, tag_ids, page, _edge(found, page))
        return [Entry(twoot_id, author_id, is_retwoot=False) for twoot_id, author_id in entries]


@dataclass(frozen=True, slots=True)
class _Met:
    """Rows, newest first, with what was shown of them."""

    entries: list[Entry]
    items: list[Item]

    def among(self, entries: Sequence[Entry]) -> _Met:
        """Return what still is on a page: all down to some row, or nothing.

        Where a row has gone from above another one, this one may show what that one did.
        """
        there = set(entries)
        still = [entry for entry in self.entries if entry in there]
        if still != self.entries[: len(still)]:
            return _Met([], [])
        row_ids = {entry.id for entry in still}
        return _Met(still, [item for item in self.items if item_id(item) in row_ids])


def _merged(entries: Sequence[Entry], items: Sequence[Item]) -> list[Item]:
    """Return items in the order of their rows; what several rows show is shown in the first of them."""
    by_row = {item_id(item): item for item in items}
    found: dict[int, Item] = {}
    for entry in entries:
        item = by_row.get(entry.id)
        if item is not None:
            found.setdefault((item.card if isinstance(item, Retwoot) else item).twoot.id, item)
    return list(found.values())


def _edge(found: Sequence[Entry], page: Page) -> int | None:
    """Return the last row of a full page: what is beyond is of the next one."""
    return found[-1].id if len(found) > page.limit else None


def _joined(found: list[Entry], others: list[Entry], page: Page) -> list[Entry]:
    """Return the rows of a page from two places, each once, in reading order and one more."""
    if not others or not found:
        return found or others
    rows = newest_first([*found, *others])
    if page.after is not None:
        rows.reverse()
    return rows[: page.limit + 1]


def _id(entry: Entry) -> int:
    return entry.id


def _now_ms() -> int:
    # only where to look first: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000
