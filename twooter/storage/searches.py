"""The index of twoots' words: FULLTEXT on MySQL's kind, FTS5 on SQLite; tokens that mean the same on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import peewee
from peewee import fn

from twooter.domain import words
from twooter.storage.database import Session
from twooter.storage.entries import Entry
from twooter.storage.statements import Insert, Question, Statement, each, p
from twooter.storage.tables import PublicEntries, SearchEntries, SearchTexts

Phrase = tuple[str, ...]


class _Matches(peewee.Node):
    """The condition that a row's tokens match; each database has a language of its own for what to match."""

    def __sql__(
        self, ctx: peewee.Context
    ) -> Any:  # Any: Peewee's context, which its types do not know to return
        if ctx.state.quote == "``":
            return ctx.literal("MATCH(`words`) AGAINST(").sql(p("boolean")).literal(" IN BOOLEAN MODE)")
        return ctx.literal('"words" MATCH ').sql(p("fts5"))


def _matching(order: peewee.Ordering) -> peewee.Query:
    return (
        SearchTexts.select(SearchEntries.twoot_id, SearchEntries.author_id, SearchEntries.version)
        .join(SearchEntries, on=(SearchEntries.twoot_id == SearchTexts.rowid))
        .where(_Matches())
        .where((SearchTexts.rowid > p("above")) & (SearchTexts.rowid < p("below")))
        .order_by(order)
        .limit(p("limit"))
    )


_newest = Statement("search_newest_first", lambda: _matching(SearchTexts.rowid.desc()))
_oldest = Statement("search_oldest_first", lambda: _matching(SearchTexts.rowid.asc()))
_ends = Statement(
    "search_ends",
    # a query for each end: together they would read the whole table on SQLite
    lambda: peewee.Select(
        columns=[
            SearchEntries.select(fn.MIN(SearchEntries.twoot_id)),
            SearchEntries.select(fn.MAX(SearchEntries.twoot_id)),
        ]
    ),
)
_versions = Statement(
    "search_versions",
    lambda: SearchEntries.select(SearchEntries.twoot_id, SearchEntries.version).where(
        SearchEntries.twoot_id.in_(each("ids"))
    ),
)
_texts = Statement(
    "search_texts",
    lambda: SearchTexts.select(SearchTexts.rowid, SearchTexts.words).where(
        SearchTexts.rowid.in_(each("ids"))
    ),
)
_enter = Insert(
    "search_entry_set",
    SearchEntries,
    ("twoot_id", "author_id", "version"),
    duplicate={"version": "set"},
    numbers=True,
)
_insert = Insert("search_text_insert", SearchTexts, ("rowid", "words"))
_delete_entries = Statement(
    "search_entries_delete",
    lambda: SearchEntries.delete().where(SearchEntries.twoot_id.in_(each("ids"))),
)
_delete_texts = Statement(
    "search_texts_delete", lambda: SearchTexts.delete().where(SearchTexts.rowid.in_(each("ids")))
)
_public_page = Statement(
    "search_public_page",
    lambda: (
        PublicEntries.select(PublicEntries.twoot_id, PublicEntries.author_id)
        .where(PublicEntries.twoot_id < p("before"))
        .order_by(PublicEntries.twoot_id.desc())
        .limit(p("limit"))
    ),
)
_entry_page = Statement(
    "search_entry_page",
    lambda: (
        SearchEntries.select(SearchEntries.twoot_id, SearchEntries.author_id)
        .where((SearchEntries.twoot_id >= p("low")) & (SearchEntries.twoot_id < p("before")))
        .order_by(SearchEntries.twoot_id.desc())
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A twoot in the index, and the version of it that was indexed."""

    twoot_id: int
    author_id: int
    version: int


@dataclass(frozen=True, slots=True)
class Document:
    """A twoot and its tokens."""

    twoot_id: int
    author_id: int
    version: int
    text: str


def fetch(
    tx: Session,
    phrases: Sequence[Phrase],
    windows: range,
    *,
    above: int,
    below: int,
    limit: int,
    newest_first: bool = True,
) -> list[Found]:
    """Return twoots between two ids (exclusive) that hold every phrase; reads the index of these windows alone."""
    statement = _newest if newest_first else _oldest
    given = {"above": above, "below": below, "limit": limit}
    rows = tx.all(statement, boolean=_boolean(phrases, windows), fts5=_fts5(phrases, windows), **given)
    return [Found(*row) for row in rows]


def find_ends(tx: Session) -> tuple[int, int]:
    """Return the oldest and the newest twoot in the index; (1, 0) while there is none."""
    row = tx.one(_ends)
    return (1, 0) if row is None or row[0] is None else (row[0], row[1])


def versions(ids: Sequence[int]) -> Question[dict[int, int]]:
    """Ask by twoot which version is indexed, where one is; for one at least."""
    return Question(_versions, {"ids": ids}, lambda rows: {row[0]: row[1] for row in rows})


def texts(ids: Sequence[int]) -> Question[dict[int, str]]:
    """Ask by twoot what is indexed of it; for one at least."""
    return Question(_texts, {"ids": ids}, lambda rows: {row[0]: row[1] for row in rows})


def put(tx: Session, documents: Sequence[Document]) -> None:
    """Index twoots, in place of what was indexed of them."""
    ordered = sorted(documents, key=lambda document: document.twoot_id)
    # first the entries: their rows are what two workers with the same twoot wait for each other at
    tx.insert_later(
        _enter, [(document.twoot_id, document.author_id, document.version) for document in ordered]
    )
    tx.run_later(_delete_texts, ids=[document.twoot_id for document in ordered])
    tx.insert(_insert, [(document.twoot_id, document.text) for document in ordered], step=50)


def remove(tx: Session, ids: Sequence[int]) -> None:
    """Take twoots out of the index."""
    tx.run(_delete_entries, ids=sorted(ids))
    tx.run(_delete_texts, ids=sorted(ids))


def fetch_page(tx: Session, before: int, limit: int) -> tuple[set[Entry], int | None]:
    """Return (twoot, author) of what is public or indexed, newest first below an id, and where the next page begins.

    At most `limit` of either; None where nothing is left.
    """
    public = tx.all(_public_page, before=before, limit=limit)
    low = public[-1][0] if len(public) == limit else 0
    indexed = tx.all(_entry_page, low=low, before=before, limit=limit)
    if len(indexed) == limit:
        low = max(low, indexed[-1][0])
    return {(row[0], row[1]) for row in (*public, *indexed) if row[0] >= low}, low or None


def _boolean(phrases: Sequence[Phrase], windows: range) -> str:
    """Return what BOOLEAN MODE has to match: every phrase, in any of the windows."""
    return " ".join(f"+({' '.join(_within(phrase, windows))})" for phrase in phrases)


def _fts5(phrases: Sequence[Phrase], windows: range) -> str:
    """Return what FTS5 has to match, as above."""
    return " AND ".join(f"({' OR '.join(_within(phrase, windows))})" for phrase in phrases)


def _within(phrase: Phrase, windows: range) -> list[str]:
    # tokens are letters, digits and `_`: nothing in them means anything to a database
    return [f'"{" ".join([words.within(token, window) for token in phrase])}"' for window in windows]
