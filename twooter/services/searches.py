"""Searches: accounts by the beginnings of their names, twoots by their words, newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from twooter.domain import grammar, graph, pages, searches, words
from twooter.domain import ids as id_rules
from twooter.domain.accounts import Account, Viewer
from twooter.domain.hashtags import HashtagHistory
from twooter.domain.pages import Page, Slice
from twooter.domain.searches import NamePlace
from twooter.domain.twoots import Card, Item, Ref, Row
from twooter.services import people
from twooter.services.cards import Cards
from twooter.services.histories import Histories
from twooter.storage import claims, names, ties
from twooter.storage import searches as index
from twooter.storage.database import Session, Storage
from twooter.storage.searches import Found, Phrase
from twooter.storage.ties import Sight
from twooter.storage.twoots import NEWEST

MAX_WINDOWS = 12
"""Statements by which one request looks for twoots; what is left is behind its cursor."""
MAX_LOOKED_UP = 4_096
"""Tokens times windows of one statement."""
MAX_LOOKED_UP_IN_ALL = 10_000
"""Tokens times windows of one request: a database takes about 10 µs for each that is not there."""
MAX_FOLLOWED = 1_000
"""Accounts, those followed last, that are looked at for being shown first."""
MAX_FIRST = 10
"""Followed accounts that are shown first."""


class Searches:
    """Answers searches; every page costs a bounded number of queries."""

    def __init__(self, storage: Storage, cards: Cards, histories: Histories) -> None:
        self._storage = storage
        self._cards = cards
        self._histories = histories

    def twoots(self, text: str, page: Page, viewer: Viewer | None) -> Slice[Item]:
        """Return public twoots that hold all that a query asks for, newest first.

        The page may be shorter than asked for, or empty, and yet be followed by another: a request looks at so much of
        the past only.
        """
        viewer_id, query = None if viewer is None else viewer.account_id, searches.parse(text)

        def read(tx: Session) -> Slice[Item]:
            accounts = claims.fetch_by_usernames(tx, query.authors) if query.authors else {}
            if len(accounts) < len(query.authors):
                return Slice([], None, None)
            phrases = [*query.phrases, *((words.of_author(id_),) for id_ in accounts.values())]
            if not phrases:
                return Slice([], None, None)
            low = 0 if query.since_ms is None else id_rules.first_at(query.since_ms)
            high = NEWEST if query.until_ms is None else id_rules.first_at(query.until_ms)
            found = _find(tx, phrases, page, low=low, high=high)
            return Slice(self._show(tx, found.items, viewer_id), found.next_before, found.prev_after)

        return self._storage.read(read)

    def accounts(self, text: str, page: Page, viewer: Viewer | None) -> Slice[Account]:
        """Return accounts one of whose names begins with a text, in the order of the alphabet.

        For a viewer up to ten of those it follows come first, and nowhere else; blocks hide both from each other.
        """
        prefix = searches.name_prefix(text)
        if not prefix:
            return Slice([], None, None)
        return self._storage.read(lambda tx: _accounts(tx, prefix, page, viewer))

    def hashtags(self, text: str, page: Page) -> Slice[HashtagHistory]:
        """Return hashtags that begin with a text, the most used first; there is one page."""
        prefix = text.strip().lstrip("#＃")
        found = self._histories.search(prefix, page.limit) if grammar.tag_key(prefix) else []
        return Slice(found, None, None)

    def _show(self, tx: Session, found: Sequence[Found], viewer_id: int | None) -> list[Item]:
        """Return what may be seen of twoots that still say what was indexed."""
        rows = [Row(one.twoot_id, one.author_id, Ref(one.twoot_id, one.author_id)) for one in found]
        versions = {one.twoot_id: one.version for one in found}
        items = self._cards.items(tx, rows, viewer_id, listed=True)
        return [x for x in items if isinstance(x, Card) and x.twoot.version == versions[x.twoot.id]]


def _find(tx: Session, phrases: Sequence[Phrase], page: Page, *, low: int, high: int) -> Slice[Found]:
    """Return a page of what is indexed with ids in [low, high)."""
    first_id, last_id = index.find_ends(tx)
    upwards = page.after is not None
    above = max(low, first_id, 0 if page.after is None else page.after + 1) - 1
    below = min(high, last_id + 1, NEWEST if page.before is None else page.before)
    ends = range(words.window_of(above + 1), words.window_of(below - 1) + 1)
    tokens = sum(map(len, phrases))
    left = MAX_LOOKED_UP_IN_ALL // tokens
    found: list[Found] = []
    stopped_at: int | None = None
    for number, windows in enumerate(_windows(ends, MAX_LOOKED_UP // tokens, upwards=upwards)):
        if number == MAX_WINDOWS or left < 0:
            stopped_at = words.first_id(windows.start if upwards else windows.stop)
            break
        left -= len(windows)
        room = page.limit + 1 - len(found)
        found += index.fetch(
            tx, phrases, windows, above=above, below=below, limit=room, newest_first=not upwards
        )
        if len(found) > page.limit:
            break
    cut = pages.cut(found, page, lambda one: one.twoot_id)
    if stopped_at is None:
        return cut
    return replace(cut, prev_after=stopped_at - 1) if upwards else replace(cut, next_before=stopped_at)


def _windows(ends: range, most: int, *, upwards: bool) -> Iterator[range]:
    """Yield pieces of a range, from its end or its beginning on, each twice as long as the one before, up to `most`."""
    size = min(2, most)
    while ends:
        piece = ends[:size] if upwards else ends[-size:]
        yield piece
        ends = ends[size:] if upwards else ends[:-size]
        size = min(2 * size, most)


def _accounts(tx: Session, prefix: str, page: Page, viewer: Viewer | None) -> Slice[Account]:
    after = None if page.before is None else NamePlace.of(page.before)
    first = [] if viewer is None else _followed(tx, prefix, page, viewer)
    shown = first if after is None else []
    room = page.limit - len(shown)
    places = names.fetch(tx, prefix, after, room + 1)
    rest = places[:room]
    known = _seen(tx, {*shown, *(place.account_id for place in rest)}, viewer)
    found = [known[id_] for id_ in shown if id_ in known]
    found += [
        known[place.account_id]
        for place in rest
        if place.account_id in known
        and place.account_id not in first
        and place.name == _first_name(known[place.account_id], prefix)
    ]
    if len(places) <= room:
        return Slice(found, None, None)
    reached = rest[-1] if rest else after or NamePlace(prefix, 0)
    return Slice(found, reached.number, None)


def _followed(tx: Session, prefix: str, page: Page, viewer: Viewer) -> list[int]:
    """Return those of whom a viewer follows that a search shows first."""
    among = names.fetch_followed(tx, viewer.account_id, MAX_FOLLOWED)
    places = names.fetch_among(tx, among, prefix, MAX_FIRST * searches.MAX_NAMES)
    return list(dict.fromkeys(place.account_id for place in places))[: min(MAX_FIRST, page.limit)]


def _seen(tx: Session, ids: Collection[int], viewer: Viewer | None) -> dict[int, Account]:
    """Return by id the accounts that take part, without those that a block stands between.

    Silenced ones are found by their followers, and by themselves.
    """
    known = people.fetch_active(tx, sorted(ids))
    viewer_id = None if viewer is None else viewer.account_id
    # no mute matters, so no time does
    sight = Sight({}, {}) if viewer_id is None else ties.fetch(tx, viewer_id, sorted(known), (), 0)

    def is_found(account: Account) -> bool:
        standing = sight.to(account.id)
        blocked = standing.blocking or standing.blocked_by
        return not blocked and graph.is_listed(account, viewer_id, standing)

    return {id_: account for id_, account in known.items() if is_found(account)}


def _first_name(account: Account, prefix: str) -> str | None:
    """Return the first of an account's keys that begins with a prefix: there alone it stands in the list."""
    names_of = searches.names_of(account.username, account.display_name)
    return next((name for name in names_of if name.startswith(prefix)), None)
