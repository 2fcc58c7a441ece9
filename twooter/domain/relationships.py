"""Relationships: how one account stands to another, as it sees it itself; and what its notes may be."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain import text
from twooter.errors import FieldError

MAX_NOTE = 500


@dataclass(frozen=True, slots=True)
class Relationship:
    """How the viewer stands to an account; its own side of everything, which is what it did last."""

    account_id: int
    following: bool = False
    followed_by: bool = False
    requested: bool = False
    requested_by: bool = False
    blocking: bool = False
    muting: bool = False
    muted_until_ms: int | None = None
    note: str = ""


def check_note(note: str) -> list[FieldError]:
    """Return what is wrong with a note, already cleaned; an empty one takes the note away."""
    return text.check_text("text", note, max_graphemes=MAX_NOTE, min_graphemes=0)
