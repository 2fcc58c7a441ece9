"""Edits: what a twoot said in its earlier versions, its author's shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain.twoots import MAX_EDITS, Twoot
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import TwootEdits

_insert = Insert(
    "edit_insert",
    TwootEdits,
    ("author_id", "twoot_id", "version", "text", "content_warning", "language", "written_ms"),
)
_all = Statement(
    "edits",
    lambda: (
        TwootEdits.select(
            TwootEdits.version,
            TwootEdits.text,
            TwootEdits.content_warning,
            TwootEdits.language,
            TwootEdits.written_ms,
        )
        .where((TwootEdits.author_id == p("author_id")) & (TwootEdits.twoot_id == p("twoot_id")))
        .order_by(TwootEdits.version.desc())
        .limit(MAX_EDITS)
    ),
)
_some = Statement(
    "edits_some",
    lambda: (
        TwootEdits.select(
            TwootEdits.twoot_id,
            TwootEdits.version,
            TwootEdits.text,
            TwootEdits.content_warning,
            TwootEdits.language,
            TwootEdits.written_ms,
        )
        .where((TwootEdits.author_id == p("author_id")) & TwootEdits.twoot_id.in_(each("twoot_ids")))
        .order_by(TwootEdits.twoot_id, TwootEdits.version.desc())
    ),
)
_remove = Statement(
    "edits_remove",
    lambda: TwootEdits.delete().where(
        (TwootEdits.author_id == p("author_id")) & (TwootEdits.twoot_id == p("twoot_id"))
    ),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a twoot said in a version, and since when (Unix ms)."""

    version: int
    text: str
    content_warning: str | None
    language: str | None
    written_ms: int


def of(twoot: Twoot) -> Edit:
    """Return what a twoot says now."""
    written_ms = twoot.created_ms if twoot.edited_ms is None else twoot.edited_ms
    return Edit(twoot.version, twoot.text, twoot.content_warning, twoot.language, written_ms)


def insert(tx: Session, before: Twoot) -> None:
    """Keep what a twoot said before it is changed."""
    edit = of(before)
    row = (before.author_id, before.id, edit.version, edit.text, edit.content_warning, edit.language)
    tx.insert_later(_insert, [(*row, edit.written_ms)])


def fetch(tx: Session, author_id: int, twoot_id: int) -> list[Edit]:
    """Return what a twoot said in its earlier versions, newest first; at most `MAX_EDITS`."""
    return [Edit(*row) for row in tx.all(_all, author_id=author_id, twoot_id=twoot_id)]


def fetch_some(tx: Session, author_id: int, twoot_ids: Sequence[int]) -> dict[int, list[Edit]]:
    """Return by twoot what some of an author's twoots said in their earlier versions, newest first."""
    found: dict[int, list[Edit]] = {}
    for twoot_id, *edit in tx.all(_some, author_id=author_id, twoot_ids=twoot_ids) if twoot_ids else ():
        found.setdefault(twoot_id, []).append(Edit(*edit))
    return found


def remove(tx: Session, author_id: int, twoot_id: int) -> None:
    """Delete the earlier versions of a twoot."""
    tx.run(_remove, author_id=author_id, twoot_id=twoot_id)
