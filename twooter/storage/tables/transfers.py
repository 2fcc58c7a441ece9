"""Tables of what an account takes with it or brings along: archives of its own data, and lists of whom to follow."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongBlob, LongText, counter
from twooter.storage.tables.table import Table


class Transfers(Table):
    """Work on an account's own data that is done step by step; `position` is how far it has come, as JSON."""

    shard = "account_id"
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
        """`slot` is 0 while there is something to do, so that there is one of a kind, and the id then.

        Those that nobody works on are found by `worked_ms`, which is null once nothing is left to do, and those to be
        removed by `expires_ms`.
        """

        primary_key = CompositeKey("account_id", "kind", "id")
        indexes = (
            (("account_id", "kind", "slot"), True),
            (("worked_ms",), False),
            (("expires_ms",), False),
        )


class TransferParts(Table):
    """What transfers are made of: bytes of an archive from `place` on, at most 1 MiB, or lines of a list."""

    shard = "account_id"
    account_id = BigIntegerField()
    transfer_id = BigIntegerField()
    place = BigIntegerField()
    data = LongBlob()

    class Meta:
        primary_key = CompositeKey("account_id", "transfer_id", "place")
