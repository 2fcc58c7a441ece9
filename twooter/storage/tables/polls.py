"""Tables of polls: what is asked and how it stands, both sides of each vote; and twoots yet to be published."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongText, counter
from twooter.storage.tables.table import Table


class Polls(Table):
    """What a twoot asks, and what was answered: each of the four counts is of the option at that place.

    `due_ms` is when a worker has something to do with it: to tell that it has ended, or, once its twoot is `gone`, to
    remove its votes; NULL when there is nothing more to do. Voters up to `told_id` were told.
    """

    shard = "author_id"
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


class Votes(Table):
    """What an account voted for, its own side; of `choices` each bit is an option. A vote is never changed."""

    shard = "account_id"
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    author_id = BigIntegerField()
    choices = SmallIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "twoot_id")


class PollVotes(Table):
    """Who voted for what; the author's side of `Votes`, kept as tombstones with a growing version."""

    shard = "author_id"
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    account_id = BigIntegerField()
    choices = SmallIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        primary_key = CompositeKey("author_id", "twoot_id", "account_id")


class ScheduledTwoots(Table):
    """Twoots that are yet to be published, as their authors sent them; a row goes in the transaction that publishes it.

    `due_ms` is when it is tried (again), or, once it was `refused` for what its author reads there, when it is removed.
    """

    shard = "account_id"
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
        primary_key = CompositeKey("account_id", "id")
