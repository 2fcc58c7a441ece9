"""An index by which networks that nobody signs in from any more are found."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, Model, SchemaManager

from twooter.storage.columns import BinaryChar


class KnownNetworks(Model):
    account_id = BigIntegerField()
    network = BinaryChar(max_length=64)
    last_used_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "network")
        indexes = ((("last_used_ms",), False),)


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Add the index, unless a run that was killed has."""
    if not any(index.columns == ["last_used_ms"] for index in db.get_indexes("known_networks")):
        SchemaManager(KnownNetworks, db).create_indexes()
