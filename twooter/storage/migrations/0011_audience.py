"""The audience: follows, likes and retwoots by window, who took part by day and week, and retention."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, Model

from twooter.storage.columns import counter

_COUNTERS = {
    "windows": ("follows", "likes", "retwoots", "participants"),
    "active_accounts": ("acts",),
}
"""Columns the version before neither reads nor writes; what they say of the past is for `repair` to find out."""
_BY_TIME = ("actions", "following")


class ActiveWeeks(Model):
    week_ms = BigIntegerField()
    account_id = BigIntegerField()
    days = counter()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("week_ms", "account_id")


class Retention(Model):
    week_ms = BigIntegerField()
    joined_ms = BigIntegerField()
    accounts = counter()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("week_ms", "joined_ms")


_TABLES = (ActiveWeeks, Retention)


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables, columns and indexes, unless a run that was killed has."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    whole = "INTEGER" if db.param == "?" else "BIGINT"
    for table, names in _COUNTERS.items():
        there = {column.name for column in db.get_columns(table)}
        for name in names:
            if name not in there:
                # not add_column, which would write every row anew and forget the default
                db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {name} {whole} NOT NULL DEFAULT 0")
    for table in _BY_TIME:
        if not any(index.columns == ["edge_id"] for index in db.get_indexes(table)):
            migrator.migrate(migrator.add_index(table, ("edge_id",), False))
