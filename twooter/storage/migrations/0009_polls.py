"""Polls, votes on both their sides, and twoots that are yet to be published."""

from __future__ import annotations

from typing import Any

from peewee import (
    BigIntegerField,
    BooleanField,
    CompositeKey,
    Database,
    IntegerField,
    Model,
    SmallIntegerField,
)

from twooter.storage.columns import BinaryChar, LongText, counter


class Polls(Model):
    twoot_id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()
    options = LongText()
    multiple = BooleanField()
    ends_ms = BigIntegerField()
    voters = counter()
    votes_0 = counter()
    votes_1 = counter()
    votes_2 = counter()
    votes_3 = counter()
    due_ms = BigIntegerField(null=True, index=True)
    told_id = BigIntegerField()
    gone = BooleanField()

    class Meta:
        legacy_table_names = False


class Votes(Model):
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    author_id = BigIntegerField()
    choices = SmallIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "twoot_id")


class PollVotes(Model):
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    account_id = BigIntegerField()
    choices = SmallIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("author_id", "twoot_id", "account_id")


class ScheduledTwoots(Model):
    account_id = BigIntegerField()
    id = BigIntegerField()
    version = IntegerField()
    at_ms = BigIntegerField()
    draft = LongText()
    idempotency_key = BinaryChar(max_length=255, null=True)
    tries = SmallIntegerField()
    due_ms = BigIntegerField(index=True)
    refused = LongText(null=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "id")


_TABLES = (Polls, Votes, PollVotes, ScheduledTwoots)


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables and a column, unless a run that was killed has; the version before knows neither."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    if "has_poll" not in {column.name for column in db.get_columns("twoots")}:
        migrator.migrate(migrator.add_column("twoots", "has_poll", BooleanField(null=True)))
