"""Lists of accounts, and followed hashtags."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CompositeKey, Database, Model

from twooter.storage.columns import LongText


class AccountLists(Model):
    account_id = BigIntegerField()
    id = BigIntegerField()
    title = LongText()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "id")


class ListMembers(Model):
    account_id = BigIntegerField()
    list_id = BigIntegerField()
    member_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "list_id", "member_id")
        indexes = ((("account_id", "list_id", "edge_id"), False),)


class FollowedHashtags(Model):
    account_id = BigIntegerField()
    tag_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "tag_id")
        indexes = ((("account_id", "edge_id"), False),)


_TABLES = (AccountLists, ListMembers, FollowedHashtags)


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables and a column, unless a run that was killed has; the version before knows neither."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    if "follows_hashtags" not in {column.name for column in db.get_columns("accounts")}:
        migrator.migrate(migrator.add_column("accounts", "follows_hashtags", BooleanField(null=True)))
