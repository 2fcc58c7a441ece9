"""Cards: twoots as somebody sees them, with their authors and what they quote, by a fixed number of queries.

Here alone it is decided what is shown to whom; what may not be seen is left out as if it were not there.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from twooter.domain import graph
from twooter.domain.accounts import Account, Author
from twooter.domain.polls import Standing
from twooter.domain.twoots import Card, Item, Ref, Retwoot, Row, Twoot, Visibility
from twooter.errors import NotFound
from twooter.storage import accounts, polls, ties, twoots, votes
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry
from twooter.storage.statements import Question
from twooter.storage.ties import Sight

_NOBODYS = Sight({}, {})


class Cards:
    """Assembles cards; `viewer_id` is who looks, None anybody without an account."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def one(self, twoot: Twoot, viewer_id: int | None, *, moderates: bool = False) -> Card:
        """Return the card of a twoot; one that is hidden for who `moderates` as well.

        Raises: NotFound when its author is not active, or the viewer may not see it.
        """
        cards = self._storage.read(lambda tx: self.of(tx, [twoot], viewer_id, moderates=moderates))
        if not cards:
            raise NotFound("twoot")
        return cards[0]

    def check_account(self, tx: Session, account_id: int, viewer_id: int | None) -> Author:
        """Return an active account that the viewer may know of; one round trip.

        Raises: NotFound when there is none, or it blocks the viewer.
        """
        author: Author = self.ask_of_account(tx, account_id, viewer_id, [])[0]
        return author

    def ask_of_account(
        self, tx: Session, account_id: int, viewer_id: int | None, questions: Sequence[Question[Any]]
    ) -> list[Any]:
        """Return an active account that the viewer may know of, and the answers to questions; all in one round trip.

        Raises: NotFound when there is none, or it blocks the viewer.
        """
        asked: list[Question[Any]] = [accounts.authors([account_id]), *questions]
        if viewer_id is not None:
            asked.append(ties.sight(viewer_id, [account_id], (), _now_ms()))
        authors, *answers = tx.ask(asked)
        author = authors.get(account_id)
        if author is None or (viewer_id is not None and answers.pop().to(account_id).blocked_by):
            raise NotFound("account")
        return [author, *answers]

    def of_entries(self, tx: Session, entries: Sequence[Entry], viewer_id: int | None) -> dict[int, Card]:
        """Return by twoot id the cards of entries; two to four queries."""
        found = twoots.fetch(tx, [(author_id, twoot_id) for twoot_id, author_id in entries])
        return {card.twoot.id: card for card in self.of(tx, list(found.values()), viewer_id)}

    def of_doings(
        self, tx: Session, entries: Sequence[Entry], actor_ids: Iterable[int], viewer_id: int
    ) -> tuple[dict[int, Card], dict[int, Author]]:
        """Return by their ids the cards of entries, and the accounts whose doing a viewer is told of.

        Not told of are accounts that are not active, those that the viewer mutes, blocks or is blocked by, and silenced
        ones that it does not follow; two to four queries.
        """
        found = twoots.fetch(tx, [(author_id, twoot_id) for twoot_id, author_id in entries])
        shown = self._assemble(tx, list(found.values()), viewer_id, also=actor_ids)
        cards = {id_: card for id_, twoot in found.items() if (card := shown.card(twoot)) is not None}
        ties = {id_: shown.sight.to(id_) for id_ in shown.authors}
        return cards, {
            id_: author
            for id_, author in shown.authors.items()
            if not (ties[id_].muting or ties[id_].blocking or ties[id_].blocked_by)
            and graph.is_listed(author, viewer_id, ties[id_])
        }

    @staticmethod
    def of_reported(
        tx: Session, keys: Sequence[tuple[int, int]], account_ids: Iterable[int]
    ) -> tuple[dict[int, Card], dict[int, Account]]:
        """Return by their ids what moderators are shown of reports: twoots of (author, id) keys, and accounts.

        Here no rule holds: what was reported has to be read, whoever it was for, its author suspended or not. Two
        queries, and one more for polls.
        """
        found = twoots.fetch(tx, keys)
        known = accounts.fetch(tx, sorted(set(account_ids)))
        authors = {id_: account.author for id_, account in known.items()}
        asked = _polls(tx, found.values(), None)
        return {
            id_: Card(twoot, authors[twoot.author_id], poll=asked.get(id_))
            for id_, twoot in found.items()
            if twoot.author_id in authors
        }, known

    def of(
        self, tx: Session, found: Sequence[Twoot], viewer_id: int | None, *, moderates: bool = False
    ) -> list[Card]:
        """Return the cards of twoots, in their order; one to three queries."""
        shown = replace(self._assemble(tx, found, viewer_id), moderates=moderates)
        return [card for twoot in found if (card := shown.card(twoot)) is not None]

    def items(
        self,
        tx: Session,
        rows: Sequence[Row],
        viewer_id: int | None,
        *,
        known: Mapping[int, Twoot] = MappingProxyType({}),
        profile_id: int | None = None,
        home: bool = False,
        tagged: Container[int] = frozenset(),
        listed: bool = False,
    ) -> list[Item]:
        """Return a timeline's rows as items, in their order; one round trip, and another one where they quote.

        Left out are rows of accounts that the viewer blocks, mutes or is blocked by, and twoots it may not see; what
        several rows show is shown once, in the first of them. `profile_id` is whose doing was asked for, muted or not;
        on a `home` timeline is only what the viewer and those it follows did, without what is for single readers, and
        the twoots that are there for a hashtag, `tagged`. These, and all of them where everybody's are `listed`, are of
        silenced accounts for their followers alone.
        """
        refs = [row.twoot for row in rows]
        everything, authors, sight = _look(tx, refs, known, [row.by_id for row in rows], viewer_id)
        quotes = [twoot.quote for twoot in everything.values() if twoot.quote is not None]
        quoted, their_authors, their_sight = _look(tx, quotes, {}, (), viewer_id)
        asked = _polls(tx, [*everything.values(), *quoted.values()], viewer_id)
        people = {**authors, **their_authors}
        shown = _Shown(viewer_id, people, quoted, sight.and_of(their_sight), asked)
        items: dict[int, Item] = {}
        for row in rows:
            is_followed = home and shown.is_at_home(row, everything.get(row.twoot.id))
            if home and not is_followed and row.id not in tagged:
                continue
            if (home or listed) and not is_followed and not shown.is_listed(row):
                continue
            item = shown.item(row, everything.get(row.twoot.id), profile_id)
            if item is not None:
                items.setdefault(row.twoot.id, item)
        return list(items.values())

    def of_row(
        self, tx: Session, row: Row, viewer_ids: Sequence[int], *, home: bool = False
    ) -> dict[int, Item]:
        """Return a timeline's row by those of several viewers who are shown it, as `items` shows it to each.

        Two round trips where it quotes, else one, and a query for every 200 viewers.
        """
        found, authors, _ = _look(tx, [row.twoot], {}, [row.by_id], None)
        twoot = found.get(row.twoot.id)
        quotes = [] if twoot is None or twoot.quote is None else [twoot.quote]
        quoted, their_authors, _ = _look(tx, quotes, {}, (), None)
        people, twoot_ids = {**authors, **their_authors}, sorted({*found, *quoted})
        if twoot is None or not people:
            return {}
        sights = ties.of_viewers(tx, viewer_ids, sorted(people), twoot_ids, _now_ms())
        asked = _polls_of_viewers(tx, [twoot, *quoted.values()], viewer_ids)
        items: dict[int, Item] = {}
        for viewer_id in viewer_ids:
            shown = _Shown(viewer_id, people, quoted, sights.get(viewer_id, _NOBODYS), asked[viewer_id])
            is_for_it = shown.is_at_home(row, twoot) if home else shown.is_listed(row)
            item = shown.item(row, twoot, None) if is_for_it else None
            if item is not None:
                items[viewer_id] = item
        return items

    def seen_by(self, tx: Session, cards: Sequence[Card], viewer_id: int) -> list[Card]:
        """Return those of the cards made for nobody that a viewer sees and has not muted, with its flags; one query.

        What is for this viewer and not for everybody stays out, quoted twoots as well; what silenced accounts wrote is
        for their followers.
        """
        inner = [card.quoted for card in cards if card.quoted is not None]
        authors = {card.author.id: card.author for card in (*cards, *inner)}
        quoted = {card.twoot.id: card.twoot for card in inner}
        everything = [*(card.twoot for card in cards), *quoted.values()]
        is_open = not any(author.protected or author.silenced for author in authors.values())
        twoot_ids = sorted({twoot.id for twoot in everything})
        (sight,) = tx.ask([ties.sight(viewer_id, sorted(authors), twoot_ids, _now_ms(), is_open=is_open)])
        shown = _Shown(viewer_id, authors, quoted, sight, _polls(tx, everything, viewer_id))
        return [
            seen
            for card in cards
            if not (bond := sight.to(card.author.id)).muting
            and graph.is_listed(card.author, viewer_id, bond)
            and (seen := shown.card(card.twoot)) is not None
        ]

    def _assemble(
        self, tx: Session, found: Sequence[Twoot], viewer_id: int | None, *, also: Iterable[int] = ()
    ) -> _Shown:
        """Read what is shown beside twoots; `also` are accounts whose doing is shown."""
        quoted = twoots.fetch(tx, [_key(twoot.quote) for twoot in found if twoot.quote is not None])
        everything = [*found, *quoted.values()]
        authors = accounts.fetch_authors(tx, sorted({twoot.author_id for twoot in everything}.union(also)))
        sight = _sight(tx, viewer_id, authors, everything)
        return _Shown(viewer_id, authors, quoted, sight, _polls(tx, everything, viewer_id))


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is known of a page's twoots and accounts, and how the viewer stands to them."""

    viewer_id: int | None
    authors: Mapping[int, Author]
    quoted: Mapping[int, Twoot]
    sight: Sight
    polls: Mapping[int, Standing]
    moderates: bool = False

    def card(self, twoot: Twoot, *, with_quoted: bool = True) -> Card | None:
        """Return a twoot's card, or None where its author is not active or the viewer may not see it."""
        author, bond = self.authors.get(twoot.author_id), self.sight.to(twoot.author_id)
        if author is None or not graph.may_see(twoot, author, self.viewer_id, bond, moderates=self.moderates):
            return None
        # a quote within a quote is named, not shown
        inner = self.quoted.get(twoot.quote.id) if twoot.quote is not None and with_quoted else None
        return Card(
            twoot,
            author,
            None if inner is None else self.card(inner, with_quoted=False),
            None if self.viewer_id is None else self.sight.of(twoot.id),
            self.polls.get(twoot.id),
        )

    def is_at_home(self, row: Row, twoot: Twoot | None) -> bool:
        """Return whether a row is of the viewer's home timeline, as far as it may be seen."""
        if row.by_id == self.viewer_id:
            return True
        is_for_single = twoot is not None and twoot.visibility is Visibility.MENTIONED
        return self.sight.to(row.by_id).follows and not is_for_single

    def is_listed(self, row: Row) -> bool:
        """Return whether the viewer finds a row where everybody's are."""
        by = self.authors.get(row.by_id)
        return by is not None and graph.is_listed(by, self.viewer_id, self.sight.to(by.id))

    def item(self, row: Row, twoot: Twoot | None, profile_id: int | None) -> Item | None:
        """Return a row with its twoot, or None where it is not shown."""
        by = self.authors.get(row.by_id)
        if twoot is None or by is None:
            return None
        if any(self.sight.to(id_).muting for id_ in {row.by_id, twoot.author_id} - {profile_id}):
            return None
        card = self.card(twoot)
        if card is None or row.id == twoot.id:
            return card
        may_see = graph.may_see_account(by, self.viewer_id, self.sight.to(by.id))
        return Retwoot(row.id, by, card) if may_see else None


def _look(
    tx: Session,
    refs: Sequence[Ref],
    known: Mapping[int, Twoot],
    also: Iterable[int],
    viewer_id: int | None,
) -> tuple[dict[int, Twoot], dict[int, Author], Sight]:
    """Return twoots, the active ones of their authors and `also`, and how the viewer stands to all; one round trip."""
    author_ids = sorted({ref.author_id for ref in refs}.union(also))
    if not author_ids:
        return {}, {}, _NOBODYS
    missing = [_key(ref) for ref in refs if ref.id not in known]
    asked: list[Question[Any]] = [accounts.authors(author_ids)]
    if missing:
        asked.append(twoots.by_keys(missing))
    if viewer_id is not None:
        asked.append(ties.sight(viewer_id, author_ids, sorted({ref.id for ref in refs}), _now_ms()))
    authors, *found = tx.ask(asked)
    sight = _NOBODYS if viewer_id is None else found.pop()
    return {**known, **(found[0] if missing else {})}, authors, sight


def _sight(
    tx: Session, viewer_id: int | None, authors: Mapping[int, Author], found: Sequence[Twoot]
) -> Sight:
    if viewer_id is None:
        return _NOBODYS
    return ties.fetch(tx, viewer_id, sorted(authors), sorted({twoot.id for twoot in found}), _now_ms())


def _polls(tx: Session, found: Iterable[Twoot], viewer_id: int | None) -> dict[int, Standing]:
    """Return how the polls among twoots stand for a viewer; one query where there are any, else none."""
    keys = [(twoot.author_id, twoot.id) for twoot in found if twoot.has_poll]
    if not keys:
        return {}
    standings: dict[int, Standing] = tx.ask([polls.seen(keys, viewer_id, _now_ms())])[0]
    return standings


def _polls_of_viewers(
    tx: Session, found: Sequence[Twoot], viewer_ids: Sequence[int]
) -> dict[int, dict[int, Standing]]:
    """Return by viewers how the polls among twoots stand for each; two queries where there are any, else none."""
    everybodys = _polls(tx, found, None)
    if not everybodys:
        return {viewer_id: {} for viewer_id in viewer_ids}
    authors = {twoot.id: twoot.author_id for twoot in found}
    chosen = votes.of_viewers(tx, viewer_ids, sorted(everybodys))
    return {
        viewer_id: {
            id_: replace(standing, choices=chosen.get((viewer_id, id_)), is_own=authors[id_] == viewer_id)
            for id_, standing in everybodys.items()
        }
        for viewer_id in viewer_ids
    }


def _now_ms() -> int:
    # only mutes and polls have an end: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000


def _key(ref: Ref) -> tuple[int, int]:
    return ref.author_id, ref.id
