"""Guesses: what a process remembers of pages it has shown, to ask for all of one at once; never what to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from twooter.domain.accounts import Author
from twooter.domain.twoots import Ref, Row, Twoot
from twooter.storage.homes import Entry

_KEPT = 5_000
"""Of each kind: about a megabyte in all."""


class Guesses:
    """Says what rows lead to, as far as it has met them; whoever asks by it looks at what it is told."""

    def __init__(self) -> None:
        self._retwooted: dict[int, Ref] = {}
        self._quotes: dict[int, Ref | None] = {}
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
        """Return whether everybody may see all of them."""
        return not self._closed.intersection((ref.id for ref in refs), account_ids)

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
