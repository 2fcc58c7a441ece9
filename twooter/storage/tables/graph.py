"""Tables of the graph: who follows, blocks and mutes whom, and what of others' doing concerns whom."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongText
from twooter.storage.tables.table import Table


class Following(Table):
    """Whom an account follows or asked to; its own side, kept with a growing version."""

    shard = "account_id"
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    version = IntegerField()
    state = BinaryChar(max_length=16)
    edge_id = BigIntegerField()

    class Meta:
        """Lists are in the order of `edge_id`, the time it began; audits of windows read by it alone."""

        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "state", "edge_id"), False), (("edge_id",), False))


class Followers(Table):
    """Who follows an account or asked to; the other side of `Following`, by the same versions."""

    shard = "account_id"
    account_id = BigIntegerField()
    follower_id = BigIntegerField()
    version = IntegerField()
    state = BinaryChar(max_length=16)
    edge_id = BigIntegerField()

    class Meta:
        """Lists are in the order of `edge_id`, the time it began."""

        primary_key = CompositeKey("account_id", "follower_id")
        indexes = ((("account_id", "state", "edge_id"), False),)


class Blocks(Table):
    """Whom an account blocks: neither sees anything of the other."""

    shard = "account_id"
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "edge_id"), False),)


class Mutes(Table):
    """Whom an account does not want to read, for a time or without an end."""

    shard = "account_id"
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    edge_id = BigIntegerField()
    until_ms = BigIntegerField(null=True)

    class Meta:
        """Those that have ended are found by their time."""

        primary_key = CompositeKey("account_id", "target_id")
        indexes = ((("account_id", "edge_id"), False), (("until_ms",), False))


class MutedThreads(Table):
    """Conversations an account wants no notifications of, by their first twoot."""

    shard = "account_id"
    account_id = BigIntegerField()
    root_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "root_id")


class AccountNotes(Table):
    """What an account noted about another, for itself."""

    shard = "account_id"
    account_id = BigIntegerField()
    target_id = BigIntegerField()
    text = LongText()

    class Meta:
        primary_key = CompositeKey("account_id", "target_id")


class Suggestions(Table):
    """Whom an account might follow, best first; recomputed by workers."""

    shard = "account_id"
    account_id = BigIntegerField()
    rank = IntegerField()
    target_id = BigIntegerField()
    followed_by = BigIntegerField()
    computed_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "rank")


class Notifications(Table):
    """What others did that concerns an account; one row for each, kept with the version of what it tells of."""

    shard = "account_id"
    account_id = BigIntegerField()
    kind = SmallIntegerField()
    twoot_id = BigIntegerField()
    actor_id = BigIntegerField()
    id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        """Lists are in the order of `id`, the time a worker made it; `twoot_id` is 0 where it is of no twoot.

        Of the indexes one is for each list, all kinds and one kind, and the last for what is too old.
        """

        primary_key = CompositeKey("account_id", "kind", "twoot_id", "actor_id")
        indexes = (
            (("account_id", "active", "id"), False),
            (("account_id", "kind", "active", "id"), False),
            (("id",), False),
        )


class NotificationMarks(Table):
    """Up to where an account has read its notifications."""

    shard = "account_id"
    account_id = BigIntegerField(primary_key=True)
    read_id = BigIntegerField()


class PopularAccounts(Table):
    """Accounts with too many followers to push to: their twoots from `since_id` on are merged when somebody reads."""

    account_id = BigIntegerField(primary_key=True)
    since_id = BigIntegerField()
