"""Pages of lists ordered by id, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_LIMIT = 100
DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Page:
    """What to read: `limit` items older than `before`, or newer than `after` (exclusive ids, one of them at most)."""

    limit: int = DEFAULT_LIMIT
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T_co]):
    """What was read, newest first, and the ids from which one goes on; None where nothing is known to follow."""

    items: Sequence[T_co]
    next_before: int | None
    prev_after: int | None


def cut(rows: list[T], page: Page, key: Callable[[T], int]) -> Slice[T]:
    """Return the slice of a page from its rows and one more, as storage reads them.

    Rows come in reading order: newest first for `before`, oldest first for `after`. New items may always arrive at the
    head, so a page that holds anything has a `prev`, and the empty page keeps the place it was asked from.
    """
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    if page.after is not None:
        rows.reverse()
    if not rows:
        return Slice(rows, None, page.after if page.before is None else page.before - 1)
    oldest, newest = key(rows[-1]), key(rows[0])
    return Slice(rows, oldest if more or page.after is not None else None, newest)
