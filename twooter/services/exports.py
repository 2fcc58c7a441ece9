"""Exports: all public twoots as the file that imports read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from twooter.domain import imports as rules
from twooter.domain.pages import Page
from twooter.storage import entries, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry

_PAGE = 1000


class Exports:
    """Writes what is there, oldest first, in the order of ids."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def chunks(self) -> Iterator[str]:
        """Yield the file in pieces, its header first; each is read when it is asked for, two queries apiece."""
        yield rules.write([rules.HEADER])
        after: int | None = 0
        while after is not None:
            chunk, after = self._storage.read(partial(self._chunk, after=after))
            yield chunk

    def _chunk(self, tx: Session, after: int) -> tuple[str, int | None]:
        found: list[Entry] = entries.fetch_public(tx, Page(_PAGE, after=after))[:_PAGE]
        if not found:
            return "", None
        kept = twoots.fetch(tx, [(author_id, twoot_id) for twoot_id, author_id in found])
        rows = [rules.columns(kept[twoot_id]) for twoot_id, _ in found if twoot_id in kept]
        return rules.write(rows), found[-1][0]
