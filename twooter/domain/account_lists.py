"""Lists of accounts: named sets of those one follows, and what their titles may be."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain import text
from twooter.errors import FieldError

MAX_LISTS = 50
"""Of one account."""
MAX_MEMBERS = 500
"""Of one list."""
MAX_TITLE = 100


@dataclass(frozen=True, slots=True)
class AccountList:
    """A named set of accounts; the time it was made is the time of its id."""

    id: int
    title: str


def check_title(title: str) -> list[FieldError]:
    """Return what is wrong with a title, already cleaned."""
    return text.check_line("title", title, max_graphemes=MAX_TITLE, min_graphemes=1)
