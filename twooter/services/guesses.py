"""Guesses: what a process remembers of pages it has shown, to ask for all of one at once; never what to answer.

Twoots and authors are remembered to be asked for their versions alone: whoever does so shows them only where the
database says, each time, that they have these still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from twooter.domain.accounts import Author
from twooter.domain.twoots import Ref, Row, Twoot
from twooter.storage.homes import Entry

_KEPT = 5_000
"""Of each kind: about a megabyte in all."""
_KEPT_TWOOTS = 2_000
"""And as many authors: some 3 MB of what is read now."""
_MAX_TEXT = 1_000
"""Characters of a twoot that is kept: messages may be longer."""
Met = tuple[Twoot, Author]


class Guesses:
    """Says what rows lead to, as far as it has met them; whoever asks by it looks at what it is told."""

    def __init__(self) -> None:
        self._retwooted: dict[int, Ref] = {}
        self._quotes: dict[int, Ref | None] = {}
        self._twoots: dict[int, Twoot] = {}
        self._authors: dict[int, Author] = {}
        self._closed = set[int]()
        """Twoots and accounts that are not for everybody; ids of both are of one kind."""

    def rows(self, entries: Sequence[Entry]) -> list[Row] | None:
        """Return the rows of a home timeline with the twoots they show, or None when one was never met."""
        rows = []
        for entry in entries:
            ref = self._retwooted.get(entry.id) if entry.is_retwoot else Ref(entry.id, entry.actor_id)
            if ref is None:
                return None
            rows.append(Row(entry.id, entry.actor_id, ref))
        return rows

    def quotes(self, refs: Iterable[Ref]) -> list[Ref]:
        """Return what twoots quote."""
        found = (self._quotes.get(ref.id) for ref in refs)
        return [quote for quote in found if quote is not None]

    def is_open(self, refs: Iterable[Ref], account_ids: Iterable[int]) -> bool:
        """Return whether everybody may see all twoots, of whom they are, and what these other accounts do."""
        closed = self._closed
        return not closed or (
            closed.isdisjoint(account_ids)
            and not any(ref.id in closed or ref.author_id in closed for ref in refs)
        )

    def met(self, refs: Iterable[Ref]) -> dict[int, Met]:
        """Return by their ids the twoots that were met before, with their authors."""
        found = {}
        for ref in refs:
            twoot, author = self._twoots.get(ref.id), self._authors.get(ref.author_id)
            if twoot is not None and author is not None and author.id == twoot.author_id:
                found[ref.id] = (twoot, author)
        return found

    def remember(self, found: Mapping[int, Twoot], authors: Mapping[int, Author]) -> None:
        """Remember twoots and authors as they were read."""
        if len(self._twoots) + len(found) > _KEPT_TWOOTS:
            self._twoots = {}
        if len(self._authors) + len(authors) > _KEPT_TWOOTS:
            self._authors = {}
        self._twoots.update({id_: twoot for id_, twoot in found.items() if len(twoot.text) <= _MAX_TEXT})
        self._authors.update(authors)

    def learn(self, rows: Iterable[Row], found: Mapping[int, Twoot], authors: Mapping[int, Author]) -> bool:
        """Remember what a page held; return whether everybody may see all of it."""
        for kept in (self._retwooted, self._quotes, self._closed):
            if len(kept) >= _KEPT:
                kept.clear()
        closed = {id_ for id_, author in authors.items() if author.protected or author.silenced}
        for id_, twoot in found.items():
            self._quotes[id_] = twoot.quote
            if not twoot.visibility.is_open:
                closed.add(id_)
        self._closed |= closed
        for row in rows:
            if row.id != row.twoot.id:
                self._retwooted[row.id] = row.twoot
        return not closed
