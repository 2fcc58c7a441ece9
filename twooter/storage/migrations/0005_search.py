"""Search: an index of twoots' words, of accounts' names, and how far it has been looked over."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, IntegerField, Model

from twooter.storage.columns import BinaryChar

_FTS5 = (
    """CREATE VIRTUAL TABLE IF NOT EXISTS search_texts USING fts5(words, tokenize = "ascii tokenchars '_'")"""
)
_FULLTEXT = (
    "CREATE TABLE IF NOT EXISTS search_texts (rowid BIGINT NOT NULL PRIMARY KEY,"
    " words MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, FULLTEXT KEY search_texts_words (words))"
)


class SearchEntries(Model):
    twoot_id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()
    version = IntegerField()

    class Meta:
        legacy_table_names = False


class AccountNames(Model):
    account_id = BigIntegerField()
    name = BinaryChar(max_length=30)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "name")
        indexes = ((("name", "account_id"), False),)


class SearchMarks(Model):
    name = BinaryChar(max_length=16, primary_key=True)
    place = BigIntegerField()
    rounds = IntegerField()

    class Meta:
        legacy_table_names = False


_TABLES = (SearchEntries, AccountNames, SearchMarks)


def up(migrator: Any, db: Database) -> None:
    """Make the tables, unless a run that was killed has; workers fill them with what is there already."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    db.execute_sql(_FULLTEXT if db.param == "%s" else _FTS5)
