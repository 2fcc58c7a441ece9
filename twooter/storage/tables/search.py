"""Tables of search: which twoots are indexed, the index, accounts' names, and how far both have been looked over."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, IntegerField, TextField

from twooter.storage.columns import BinaryChar
from twooter.storage.tables.table import Table

_FTS5 = (
    """CREATE VIRTUAL TABLE IF NOT EXISTS search_texts USING fts5(words, tokenize = "ascii tokenchars '_'")"""
)
_FULLTEXT = (
    "CREATE TABLE IF NOT EXISTS search_texts (rowid BIGINT NOT NULL PRIMARY KEY,"
    " words MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, FULLTEXT KEY search_texts_words (words))"
)


class SearchEntries(Table):
    """Twoots in the index, and the version that is indexed."""

    twoot_id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()
    version = IntegerField()


class SearchTexts(Table):
    """The index: FTS5 on SQLite, a table with a FULLTEXT index elsewhere; `rowid` is the twoot's id on both."""

    rowid = BigIntegerField(primary_key=True)
    words = TextField()

    @classmethod
    def create_table(cls, safe: bool = True, **options: Any) -> None:  # noqa: ARG003, FBT001, FBT002 - Peewee's signature
        """Make the table in the database's own words."""
        database = cls._meta.database
        database.execute_sql(_FULLTEXT if database.param == "%s" else _FTS5)


class AccountNames(Table):
    """Keys by whose beginnings accounts are found."""

    account_id = BigIntegerField()
    name = BinaryChar(max_length=30)

    class Meta:
        """Found by their beginning; those of some accounts by their ids."""

        primary_key = CompositeKey("account_id", "name")
        indexes = ((("name", "account_id"), False),)


class SearchMarks(Table):
    """How far the index has been looked over, by what is looked at."""

    name = BinaryChar(max_length=16, primary_key=True)
    place = BigIntegerField()
    rounds = IntegerField()
