"""Tables of the queue: events on their way, who has applied them, and what runs when."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField

from twooter.storage.columns import BinaryChar, LongBlob, LongText, counter
from twooter.storage.tables.table import Table


class Outbox(Table):
    """Events not yet sealed into a batch; empty most of the time."""

    shard = "account_id"
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    event = LongBlob()


class Batches(Table):
    """Up to 1,000 events that were sealed together, for ever the same."""

    id = BigIntegerField(primary_key=True)
    events = IntegerField()
    payload = LongBlob()


class Deliveries(Table):
    """What has become of a batch at each consumer; kept for 72 hours after it is done."""

    batch_id = BigIntegerField()
    consumer = BinaryChar(max_length=32)
    state = BinaryChar(max_length=16)
    attempts = IntegerField()
    sent_ms = BigIntegerField()

    class Meta:
        """Unfinished ones are found by their state, oldest sending first."""

        primary_key = CompositeKey("batch_id", "consumer")
        indexes = ((("state", "sent_ms"), False),)


class ParkedEvents(Table):
    """Events a consumer could not apply, for an operator to look at and replay."""

    consumer = BinaryChar(max_length=32)
    batch_id = BigIntegerField()
    position = IntegerField()
    event = LongBlob()
    error = LongText()
    parked_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("consumer", "batch_id", "position")


class Ledger(Table):
    """Batches a consumer has applied: at least once becomes exactly once."""

    consumer = BinaryChar(max_length=32)
    batch_id = BigIntegerField()

    class Meta:
        """The batch first, so that old rows lie together."""

        primary_key = CompositeKey("batch_id", "consumer")


class NodeLeases(Table):
    """Node numbers of ids, each lent to one process at a time."""

    node = IntegerField(primary_key=True)
    holder = BinaryChar(max_length=64)
    until_ms = BigIntegerField()


class ScheduleClaims(Table):
    """Who runs a periodic task in a slot of time: the first to insert."""

    task = BinaryChar(max_length=64)
    slot_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("task", "slot_ms")


class Outcomes(Table):
    """How jobs ended whose results are metrics; one row for each."""

    name = BinaryChar(max_length=64, primary_key=True)
    succeeded_ms = BigIntegerField(null=True)
    failed_ms = BigIntegerField(null=True)
    failures = counter()
    duration_ms = BigIntegerField()
    detail = LongText()
