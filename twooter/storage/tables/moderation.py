"""Tables of moderation: what was reported, and what moderators did; both stand at the account they are about."""

from __future__ import annotations

from peewee import BigIntegerField

from twooter.storage.columns import BinaryChar, LongText
from twooter.storage.tables.table import Table


class Reports(Table):
    """What somebody reported of an account, or of a twoot of it (0: none in particular).

    `slot` is 0 while a report is open and its id afterwards: of one account about one thing one is open at most.
    """

    shard = "account_id"
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    reporter_id = BigIntegerField()
    slot = BigIntegerField()
    state = BinaryChar(max_length=16)
    reason = BinaryChar(max_length=16)
    comment = LongText()
    assignee_id = BigIntegerField(null=True)
    resolver_id = BigIntegerField(null=True)
    resolved_ms = BigIntegerField(null=True)
    note = LongText()

    class Meta:
        """Lists are by state, in the order of ids."""

        indexes = (
            (("account_id", "reporter_id", "twoot_id", "slot"), True),
            (("state", "id"), False),
        )


class ModerationLog(Table):
    """What moderators did, in the transaction that did it; without one it was an operator. Rows are only added."""

    shard = "account_id"
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    moderator_id = BigIntegerField(null=True)
    act = BinaryChar(max_length=24)
    twoot_id = BigIntegerField(null=True)
    report_id = BigIntegerField(null=True)
    reason = LongText()
