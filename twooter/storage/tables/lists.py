"""Tables of what an account puts together to read: lists of accounts, and hashtags it follows."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey

from twooter.storage.columns import LongText
from twooter.storage.tables.table import Table


class AccountLists(Table):
    """Named sets of accounts, each its owner's alone."""

    shard = "account_id"
    account_id = BigIntegerField()
    id = BigIntegerField()
    title = LongText()

    class Meta:
        primary_key = CompositeKey("account_id", "id")


class ListMembers(Table):
    """Who is on a list; `account_id` is whose list it is."""

    shard = "account_id"
    account_id = BigIntegerField()
    list_id = BigIntegerField()
    member_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        """Read in the order of `edge_id`, the time somebody was added."""

        primary_key = CompositeKey("account_id", "list_id", "member_id")
        indexes = ((("account_id", "list_id", "edge_id"), False),)


class FollowedHashtags(Table):
    """Hashtags whose twoots enter an account's home timeline."""

    shard = "account_id"
    account_id = BigIntegerField()
    tag_id = BigIntegerField()
    edge_id = BigIntegerField()

    class Meta:
        """Read in the order of `edge_id`, the time it began."""

        primary_key = CompositeKey("account_id", "tag_id")
        indexes = ((("account_id", "edge_id"), False),)
