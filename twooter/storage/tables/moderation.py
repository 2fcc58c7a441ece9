"""Tables of moderation: what was reported, and what moderators did; both stand at the account they are about."""

from __future__ import annotations

from peewee import BigIntegerField

from twooter.storage.columns import BinaryChar, LongText
from twooter.storage.tables.table import Table


class Reports(Table):
    """What somebody reported of an account, or of a twoot of it (0: none in particular).

    `slot` is 0 while a report is open and its id afterwards: of one account about one thing one is open at most.
    `open_id` is its id while it is open.
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
    open_id = BigIntegerField(null=True)

    class Meta:
        """Open ones are listed by `open_id`, resolved ones by `slot`: by a state and the id a database may go through
        all that are newer.
        """

        indexes = (
            (("account_id", "reporter_id", "twoot_id", "slot"), True),
            (("open_id",), False),
            (("slot",), False),
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
