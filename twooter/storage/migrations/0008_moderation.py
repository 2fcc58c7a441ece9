"""Moderation: reports, the log of what moderators did, and marks on the twoots and accounts it was done to."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, Database, Model

from twooter.storage.columns import BinaryChar, LongText


class Reports(Model):
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    reporter_id = BigIntegerField()
    slot = BigIntegerField()
    state = BinaryChar(max_length=16)
    reason = BinaryChar(max_length=16)
    comment = LongText()
    assignee_id = BigIntegerField(null=True)
    resolver_id = BigIntegerField(null=True)
    resolved_ms = BigIntegerField(null=True)
    note = LongText()
    open_id = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False
        indexes = (
            (("account_id", "reporter_id", "twoot_id", "slot"), True),
            (("open_id",), False),
            (("slot",), False),
        )


class ModerationLog(Model):
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    moderator_id = BigIntegerField(null=True)
    act = BinaryChar(max_length=24)
    twoot_id = BigIntegerField(null=True)
    report_id = BigIntegerField(null=True)
    reason = LongText()

    class Meta:
        legacy_table_names = False


_TABLES = (Reports, ModerationLog)
_MARKS = (("accounts", "silenced_ms"), ("twoots", "hidden_ms"))
"""Columns the version before neither reads nor writes."""


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables and columns, unless a run that was killed has."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    for table, name in _MARKS:
        if name not in {column.name for column in db.get_columns(table)}:
            migrator.migrate(migrator.add_column(table, name, BigIntegerField(null=True)))
    if not any(index.columns == ["silenced_ms"] for index in db.get_indexes("accounts")):
        migrator.migrate(migrator.add_index("accounts", ("silenced_ms",), False))
