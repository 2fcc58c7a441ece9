"""How jobs ended whose results are metrics: audits and probes."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, Database, Model

from twooter.storage.columns import BinaryChar, LongText, counter


class Outcomes(Model):
    name = BinaryChar(max_length=64, primary_key=True)
    succeeded_ms = BigIntegerField(null=True)
    failed_ms = BigIntegerField(null=True)
    failures = counter()
    duration_ms = BigIntegerField()
    detail = LongText()

    class Meta:
        legacy_table_names = False


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the table, unless a run that was killed has."""
    with db.bind_ctx([Outcomes]):
        db.create_tables([Outcomes], safe=True)
