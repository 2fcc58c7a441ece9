"""Glances: what a process remembers of home timelines that it read from the database: where to look, not what is there.

Whom an account follows, how far down its last page was, and what was on it: with these all of a page can be asked for
in one packet. Whoever asks by them looks at what it is told, so that a glance that is out of date costs another packet.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from twooter.domain.pages import Page
from twooter.storage.home_rows import Reading, Seen
from twooter.storage.homes import Entry

_MOST_NUMBERS = 500_000
"""Four megabytes: of four thousand accounts that follow as many as most do."""
_EACH = 60
"""What a glance takes beside its numbers, in numbers."""


@dataclass(frozen=True, slots=True)
class Glance:
    """The newest page of a timeline: whose it was, when it was read, and what was on it."""

    actor_ids: array[int]
    rows: array[int]
    """Of each row its id and who did it, below zero where it is a retwoot; newest first."""
    bottom: int
    """Down to where there was nothing else."""
    at_ms: int

    @classmethod
    def of(cls, actor_ids: Sequence[int], rows: Sequence[Entry], reading: Reading) -> Glance:
        """Return what is remembered of a page as it was read."""
        pairs = ((it.id, -it.actor_id if it.is_retwoot else it.actor_id) for it in rows)
        return cls(
            array("q", actor_ids),
            array("q", chain.from_iterable(pairs)),
            reading.bottom(rows),
            reading.now_ms,
        )

    @property
    def entries(self) -> list[Entry]:
        """Return the rows, newest first."""
        return [
            Entry(id_, abs(actor), actor < 0)
            for id_, actor in zip(self.rows[::2], self.rows[1::2], strict=True)
        ]

    def seen(self, page: Page) -> Seen | None:
        """Return down to where a page of some length was; None for any but the newest."""
        if page != Page(page.limit):
            return None
        below = 2 * page.limit
        return Seen(self.rows[below] if len(self.rows) > below else self.bottom, self.at_ms)


class Glances:
    """Remembers a bounded number of pages by account; all are forgotten when there are too many."""

    def __init__(self) -> None:
        self._kept: dict[int, Glance] = {}
        self._numbers = 0

    def find(self, account_id: int) -> Glance | None:
        """Return what is remembered of an account's timeline."""
        return self._kept.get(account_id)

    def keep(self, account_id: int, glance: Glance) -> None:
        """Remember a page of an account's timeline, and no other one of it."""
        former = self._kept.get(account_id)
        self._numbers += _size(glance) - (0 if former is None else _size(former))
        if self._numbers > _MOST_NUMBERS:
            self._kept, self._numbers = {}, _size(glance)
        self._kept[account_id] = glance


def _size(glance: Glance) -> int:
    return _EACH + len(glance.actor_ids) + len(glance.rows)
