"""Marks: how far a table that others are derived from has been looked over, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import SearchMarks

_find = Statement(
    "search_mark",
    lambda: SearchMarks.select(SearchMarks.place, SearchMarks.rounds).where(SearchMarks.name == p("name")),
)
_set = Insert(
    "search_mark_set",
    SearchMarks,
    ("name", "place", "rounds"),
    duplicate={"place": "set", "rounds": "set"},
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The place one has come to, and how many rounds were finished before."""

    place: int
    rounds: int


def find(tx: Session, name: str) -> Mark | None:
    """Return a mark, or None before the first step."""
    row = tx.one(_find, name=name)
    return None if row is None else Mark(*row)


def put(tx: Session, name: str, mark: Mark) -> None:
    """Move a mark; two that move it at once look over the same, which does no harm."""
    tx.insert(_set, [(name, mark.place, mark.rounds)])
