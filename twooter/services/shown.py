"""What a page shows, gathered for everybody, and what of it one viewer is shown."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twooter.domain import graph
from twooter.domain.accounts import Author
from twooter.domain.pages import Slice
from twooter.domain.polls import Standing
from twooter.domain.twoots import Card, Item, Retwoot, Row, Twoot, Visibility
from twooter.storage import polls, ties
from twooter.storage.statements import Question
from twooter.storage.ties import Sight

NOBODYS = Sight({}, {})


@dataclass(frozen=True, slots=True)
class Unseen(Slice[Row]):
    """A page of a timeline with all that may be shown on it, before anybody looks: not to be answered as it is."""

    twoots: Mapping[int, Twoot]
    authors: Mapping[int, Author]
    quoted: Mapping[int, Twoot]
    twoot_ids: Sequence[int]
    """Of all that may be shown."""
    is_open: bool
    """Whether everybody may see all of it, so that no follow decides about anything."""

    def questions(self, viewer_id: int | None, now_ms: int) -> list[Question[Any]]:
        """Ask how a viewer stands to what is there, and somebody or nobody to its polls, where there are any."""
        asked: list[Question[Any]] = []
        if viewer_id is not None:
            author_ids = sorted(self.authors)
            asked.append(
                ties.sight(viewer_id, author_ids, self.twoot_ids, now_ms, ties.Way.of(is_open=self.is_open))
            )
        keys = [(it.author_id, it.id) for it in (*self.twoots.values(), *self.quoted.values()) if it.has_poll]
        if keys:
            asked.append(polls.seen(keys, viewer_id, now_ms))
        return asked

    @property
    def is_alone(self) -> bool:
        """Return whether all is by who wrote it, and quotes nothing: nobody else can take something away."""
        return all(row.twoot.author_id == row.by_id for row in self.items) and not any(
            twoot.quote for twoot in self.twoots.values()
        )


@dataclass(frozen=True, slots=True)
class Everybodys(Slice[Card]):
    """A page that is the same for everybody, as nobody in particular sees it, with what is asked of who looks."""

    authors: Mapping[int, Author]
    quoted: Mapping[int, Twoot]
    everything: Sequence[Twoot]
    author_ids: Sequence[int]
    twoot_ids: Sequence[int]
    way: ties.Way
    strangers: Sequence[Card | None]
    """What those see of each card who have nothing to do with its author or the twoot, where that is no question."""

    @classmethod
    def of(cls, cut: Slice[Any], cards: Sequence[Card]) -> Everybodys:
        """Return a page of some cards."""
        inner = [card.quoted for card in cards if card.quoted is not None]
        authors = {card.author.id: card.author for card in (*cards, *inner)}
        quoted = {card.twoot.id: card.twoot for card in inner}
        everything = [*(card.twoot for card in cards), *quoted.values()]
        ids_ = sorted(authors), sorted({twoot.id for twoot in everything})
        way = ties.Way.of(is_open=not any(author.protected or author.silenced for author in authors.values()))
        strangers = [
            Card(card.twoot, card.author, None, ties.NOTHING)
            if card.is_plain and not card.author.silenced
            else None
            for card in cards
        ]
        shown = (authors, quoted, everything, *ids_, way, strangers)
        return cls(cards, cut.next_before, cut.prev_after, *shown)

    def question(self, viewer_id: int, now_ms: int) -> Question[Sight]:
        """Ask how a viewer stands to what is there."""
        return ties.sight(viewer_id, self.author_ids, self.twoot_ids, now_ms, self.way)


class Place(enum.Enum):
    """Where a row is shown: on everybody's lists, at home, or at home for one of its hashtags and nothing else."""

    LISTED = enum.auto()
    HOME = enum.auto()
    HASHTAG = enum.auto()
    ANY = enum.auto()
    """Wherever it was shown: by whom does not matter."""


@dataclass(frozen=True, slots=True)
class Shown:
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

    def is_at(self, place: Place, row: Row, twoot: Twoot | None) -> bool:
        """Return whether a row is somewhere for the viewer, as far as it may be seen."""
        if place is Place.ANY:
            return True
        at_home = place is not Place.LISTED and self.is_at_home(row, twoot)
        return at_home if place is Place.HOME else self.is_listed(row) and not at_home

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
        if self._mutes(row.by_id, profile_id):
            return None
        if row.id == twoot.id:
            return self.card(twoot)
        card = None if self._mutes(twoot.author_id, profile_id) else self.card(twoot)
        if card is None:
            return None
        may_see = graph.may_see_account(by, self.viewer_id, self.sight.to(by.id))
        return Retwoot(row.id, by, card) if may_see else None

    def _mutes(self, account_id: int, profile_id: int | None) -> bool:
        """Return whether what an account does is left out, unless it is on its own profile."""
        return self.sight.to(account_id).muting and account_id != profile_id
