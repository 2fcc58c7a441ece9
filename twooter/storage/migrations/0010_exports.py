"""Own data: archives that an account takes with it, in chunks, and lists of whom to follow that it brings along."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, IntegerField, Model, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongBlob, LongText, counter


class Transfers(Model):
    account_id = BigIntegerField()
    kind = SmallIntegerField()
    id = BigIntegerField()
    slot = BigIntegerField()
    state = BinaryChar(max_length=16)
    steps = IntegerField()
    failures = IntegerField()
    items = counter()
    size = counter()
    position = LongText()
    worked_ms = BigIntegerField(null=True)
    ended_ms = BigIntegerField(null=True)
    expires_ms = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "kind", "id")
        indexes = (
            (("account_id", "kind", "slot"), True),
            (("worked_ms",), False),
            (("expires_ms",), False),
        )


class TransferParts(Model):
    account_id = BigIntegerField()
    transfer_id = BigIntegerField()
    place = BigIntegerField()
    data = LongBlob()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "transfer_id", "place")


_TABLES = (Transfers, TransferParts)


def up(_: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables, unless a run that was killed has."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
