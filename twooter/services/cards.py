"""Cards: twoots as somebody sees them, with their authors and what they quote, by a fixed number of queries.

Here alone it is decided what is shown to whom; what may not be seen is left out as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twooter.domain import graph
from twooter.domain.accounts import Account, Author
from twooter.domain.pages import Slice
from twooter.domain.polls import Standing
from twooter.domain.twoots import Card, Item, Ref, Row, Twoot
from twooter.errors import NotFound
from twooter.services.guesses import Guesses
from twooter.services.looks import Looks, now_ms
from twooter.services.shown import NOBODYS, Everybodys, Place, Shown, Unseen
from twooter.storage import accounts, home_rows, homes, polls, ties, twoots, votes
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry
from twooter.storage.statements import Question
from twooter.storage.ties import Sight


class Cards:
    """Assembles cards; `viewer_id` is who looks, None anybody without an account."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._guesses = Guesses()
        self._looks = Looks(self._guesses)

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
            asked.append(ties.sight(viewer_id, [account_id], (), now_ms()))
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

    def at_home(
        self,
        tx: Session,
        entries: Sequence[homes.Entry],
        viewer_id: int,
        tagged: Container[int] = frozenset(),
    ) -> list[Item]:
        """Return a home timeline's rows as items, as `items` does: what is on it is what the viewer and those it
        follows did, without what is for single readers, and the twoots that are there for a hashtag, `tagged`.

        One round trip where this process has met what is passed on and quoted, else up to three.
        """
        rows = self._guesses.rows(entries)
        still = home_rows.retwooted(entries) if any(entry.is_retwoot for entry in entries) else None
        if rows is None:
            return self.items(tx, home_rows.resolve(tx, entries), viewer_id, home=True, tagged=tagged)
        return self.items(tx, rows, viewer_id, home=True, tagged=tagged, still=still)

    def items(
        self,
        tx: Session,
        rows: Sequence[Row],
        viewer_id: int | None,
        *,
        home: bool = False,
        tagged: Container[int] = frozenset(),
        listed: bool = False,
        still: Question[dict[int, Ref]] | None = None,
    ) -> list[Item]:
        """Return a timeline's rows as items, in their order; one round trip, and another one where they quote.

        Left out are rows of accounts that the viewer blocks, mutes or is blocked by, and twoots it may not see; what
        several rows show is shown once, in the first of them. On a `home` timeline is what `at_home` says; what is
        there for a hashtag, and all of it where everybody's is `listed`, is of silenced accounts for their followers
        alone. `still` asks which retwoots hold, where rows are guesses.
        """
        page = self._looks.at(tx, rows, viewer_id, home=home, still=still)
        found, sight = page.found, page.sight
        shown = Shown(viewer_id, page.authors, found, sight, _polls(tx, found.values(), viewer_id))
        items: dict[int, Item] = {}
        for row in rows:
            if row.id != row.twoot.id and page.retwooted is not None and row.id not in page.retwooted:
                continue
            is_followed = home and shown.is_at_home(row, found.get(row.twoot.id))
            if home and not is_followed and row.id not in tagged:
                continue
            if (home or listed) and not is_followed and not shown.is_listed(row):
                continue
            item = shown.item(row, found.get(row.twoot.id), None)
            if item is not None:
                items.setdefault(row.twoot.id, item)
        return list(items.values())

    def gather(
        self, tx: Session, cut: Slice[Row], known: Mapping[int, Twoot], authors: Mapping[int, Author]
    ) -> Unseen:
        """Return a page of a timeline with all that is shown on it, of which twoots and authors may be `known` already.

        A round trip where something is not, and another one where something is quoted that is not.
        """
        refs = [row.twoot for row in cut.items]
        found, people = _find(tx, refs, known, [row.by_id for row in cut.items], authors)
        quotes = [twoot.quote for twoot in found.values() if twoot.quote is not None]
        quoted, people = _find(tx, quotes, {}, (), people)
        everything = {**found, **quoted}
        is_open = all(twoot.visibility.is_open for twoot in everything.values()) and not any(
            author.protected for author in people.values()
        )
        shown = (found, people, quoted, sorted(everything), is_open)
        return Unseen(cut.items, cut.next_before, cut.prev_after, *shown)

    def look_at(
        self,
        unseen: Unseen,
        viewer_id: int | None,
        *,
        profile_id: int,
        ask: Callable[[Sequence[Question[Any]]], list[Any]],
    ) -> Slice[Item]:
        """Return a page of an account's timeline as a viewer sees it; `ask` asks how it stands to what is there.

        Raises: NotFound when the account blocks the viewer.
        """
        questions = unseen.questions(viewer_id, now_ms())
        answers = ask(questions) if questions else []
        sight = NOBODYS if viewer_id is None else answers.pop(0)
        if sight.to(profile_id).blocked_by:
            raise NotFound("account")
        standings = answers[0] if answers else {}
        shown = Shown(viewer_id, unseen.authors, unseen.quoted, sight, standings)
        found: dict[int, Item] = {}
        for row in unseen.items:
            item = shown.item(row, unseen.twoots.get(row.twoot.id), profile_id)
            if item is not None:
                found.setdefault(row.twoot.id, item)
        return Slice(list(found.values()), unseen.next_before, unseen.prev_after)

    def of_row(
        self, tx: Session, row: Row, viewer_ids: Sequence[int], place: Place = Place.LISTED
    ) -> dict[int, Item]:
        """Return a timeline's row by those of several viewers who are shown it, as `items` shows it to each.

        Two round trips where it quotes, else one, and a query for every 200 viewers.
        """
        page = self._looks.at(tx, [row], None, home=place is Place.HOME, still=None)
        people, quoted, twoot = page.authors, page.found, page.found.get(row.twoot.id)
        if twoot is None or not people:
            return {}
        sights = ties.of_viewers(tx, viewer_ids, sorted(people), sorted(quoted), now_ms())
        asked = _polls_of_viewers(tx, list(quoted.values()), viewer_ids)
        items: dict[int, Item] = {}
        for viewer_id in viewer_ids:
            shown = Shown(viewer_id, people, quoted, sights.get(viewer_id, NOBODYS), asked[viewer_id])
            item = shown.item(row, twoot, None) if shown.is_at(place, row, twoot) else None
            if item is not None:
                items[viewer_id] = item
        return items

    def seen_by(self, tx: Session, page: Everybodys, viewer_id: int) -> list[Card]:
        """Return those of a page's cards that a viewer sees and has not muted, with its flags; one query.

        What is for this viewer and not for everybody stays out, quoted twoots as well; what silenced accounts wrote is
        for their followers.
        """
        (sight,) = tx.ask([page.question(viewer_id, now_ms())])
        shown = Shown(viewer_id, page.authors, page.quoted, sight, _polls(tx, page.everything, viewer_id))
        seen: list[Card] = []
        for card, strangers in zip(page.items, page.strangers, strict=True):
            twoot, author = card.twoot, card.author
            if strangers is not None and author.id not in sight.ties:
                did = sight.flags.get(twoot.id)
                seen.append(strangers if did is None else Card(twoot, author, None, did))
            elif not (bond := sight.to(author.id)).muting and graph.is_listed(author, viewer_id, bond):
                seen += [found] if (found := shown.card(twoot)) is not None else []
        return seen

    def _assemble(
        self, tx: Session, found: Sequence[Twoot], viewer_id: int | None, *, also: Iterable[int] = ()
    ) -> Shown:
        """Read what is shown beside twoots; `also` are accounts whose doing is shown."""
        quoted = twoots.fetch(tx, [_key(twoot.quote) for twoot in found if twoot.quote is not None])
        everything = [*found, *quoted.values()]
        authors = accounts.fetch_authors(tx, sorted({twoot.author_id for twoot in everything}.union(also)))
        sight = _sight(tx, viewer_id, authors, everything)
        return Shown(viewer_id, authors, quoted, sight, _polls(tx, everything, viewer_id))


def _find(
    tx: Session,
    refs: Sequence[Ref],
    known: Mapping[int, Twoot],
    also: Iterable[int],
    authors: Mapping[int, Author],
) -> tuple[dict[int, Twoot], dict[int, Author]]:
    """Return twoots, and the active ones of their authors and `also`, with those that are known."""
    missing = [_key(ref) for ref in refs if ref.id not in known]
    strangers = sorted({ref.author_id for ref in refs}.union(also).difference(authors))
    asked: list[Question[Any]] = [twoots.by_keys(missing)] if missing else []
    if strangers:
        asked.append(accounts.authors(strangers))
    answers = tx.ask(asked) if asked else []
    people = answers.pop() if strangers else {}
    return {**known, **(answers[0] if missing else {})}, {**authors, **people}


def _sight(
    tx: Session, viewer_id: int | None, authors: Mapping[int, Author], found: Sequence[Twoot]
) -> Sight:
    if viewer_id is None:
        return NOBODYS
    return ties.fetch(tx, viewer_id, sorted(authors), sorted({twoot.id for twoot in found}), now_ms())


def _polls(tx: Session, found: Iterable[Twoot], viewer_id: int | None) -> dict[int, Standing]:
    """Return how the polls among twoots stand for a viewer; one query where there are any, else none."""
    keys = [(twoot.author_id, twoot.id) for twoot in found if twoot.has_poll]
    if not keys:
        return {}
    standings: dict[int, Standing] = tx.ask([polls.seen(keys, viewer_id, now_ms())])[0]
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


def _key(ref: Ref) -> tuple[int, int]:
    return ref.author_id, ref.id
