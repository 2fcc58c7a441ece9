"""Twoots that are gone, until what others left below them has gone too."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, Model


class GoneTwoots(Model):
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    due_ms = BigIntegerField(index=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("author_id", "twoot_id")


def up(_: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the table, unless a run that was killed has; the version before leaves what is below there."""
    with db.bind_ctx([GoneTwoots]):
        db.create_tables([GoneTwoots], safe=True)
