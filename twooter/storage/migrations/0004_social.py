"""The social network: who follows, blocks and mutes whom, what they do with twoots, notifications, earlier versions."""

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

from twooter.storage.columns import BinaryChar, LongText

_TWOOTS = {
    "quote_of_id": BigIntegerField(null=True),
    "quote_of_author_id": BigIntegerField(null=True),
    "root_id": BigIntegerField(null=True),
    "content_warning": LongText(null=True),
    "mention_ids": LongText(null=True),
    "ancestors": LongText(null=True),
}
"""Columns the version before neither reads nor writes."""


class Following(Model):
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    version = IntegerField()
    state = BinaryChar(max_length=16)
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "state", "edge_id"), False),)


class Followers(Model):
    account_id = BigIntegerField()
    follower_id = BigIntegerField()
    version = IntegerField()
    state = BinaryChar(max_length=16)
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "follower_id")
        indexes = ((("account_id", "state", "edge_id"), False),)


class Blocks(Model):
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "edge_id"), False),)


class Mutes(Model):
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    edge_id = BigIntegerField()
    until_ms = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "edge_id"), False), (("until_ms",), False))


class MutedThreads(Model):
    account_id = BigIntegerField()
    root_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "root_id")


class AccountNotes(Model):
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    text = LongText()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "target_id")


class Suggestions(Model):
    account_id = BigIntegerField()
    rank = IntegerField()
    target_id = BigIntegerField()
    followed_by = BigIntegerField()
    computed_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "rank")


class Actions(Model):
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    kind = SmallIntegerField()
    author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "twoot_id", "kind")
        indexes = ((("account_id", "kind", "active", "edge_id"), False),)


class TwootActions(Model):
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    kind = SmallIntegerField()
    account_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()
    edge_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("author_id", "twoot_id", "kind", "account_id")
        indexes = ((("author_id", "twoot_id", "kind", "active", "edge_id"), False),)


class ThreadReplies(Model):
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    reply_id = BigIntegerField()
    reply_author_id = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("author_id", "twoot_id", "reply_id")


class TwootQuotes(Model):
    quoted_author_id = BigIntegerField()
    quoted_id = BigIntegerField()
    quote_id = BigIntegerField()
    quote_author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("quoted_author_id", "quoted_id", "quote_id")


class Pins(Model):
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    pinned_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "twoot_id")


class TwootEdits(Model):
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    version = IntegerField()
    text = LongText()
    content_warning = LongText(null=True)
    language = BinaryChar(max_length=16, null=True)
    written_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("author_id", "twoot_id", "version")


class Notifications(Model):
    account_id = BigIntegerField()
    kind = SmallIntegerField()
    twoot_id = BigIntegerField()
    actor_id = BigIntegerField()
    id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("account_id", "kind", "twoot_id", "actor_id")
        indexes = (
            (("account_id", "active", "id"), False),
            (("account_id", "kind", "active", "id"), False),
            (("id",), False),
        )


class NotificationMarks(Model):
    account_id = BigIntegerField(primary_key=True)
    read_id = BigIntegerField()

    class Meta:
        legacy_table_names = False


class PopularAccounts(Model):
    account_id = BigIntegerField(primary_key=True)
    since_id = BigIntegerField()

    class Meta:
        legacy_table_names = False


_TABLES = (
    Following,
    Followers,
    Blocks,
    Mutes,
    MutedThreads,
    AccountNotes,
    Suggestions,
    Actions,
    TwootActions,
    ThreadReplies,
    TwootQuotes,
    Pins,
    TwootEdits,
    Notifications,
    NotificationMarks,
    PopularAccounts,
)


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Make the tables and columns, unless a run that was killed has."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES, safe=True)
    there = {column.name for column in db.get_columns("twoots")}
    for name, field in _TWOOTS.items():
        if name not in there:
            migrator.migrate(migrator.add_column("twoots", name, field))
