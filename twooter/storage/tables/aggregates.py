"""Tables of aggregates: hashtags, windows of time, trends, and how long requests and statements take."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField, SmallIntegerField

from twooter.storage.columns import BinaryChar, counter
from twooter.storage.tables.table import Table


class Hashtags(Table):
    """Hashtags by normalised key, with the spelling stored first; rows are never removed."""

    id = BigIntegerField(primary_key=True)
    key = BinaryChar(max_length=255, unique=True)
    name = BinaryChar(max_length=255)
    uses = counter()
    accounts = counter()


class Windows(Table):
    """What happened on the whole instance in a window of time.

    The version moves with any change but those of follows, likes and retwoots, and who did these.
    """

    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    twoots = counter()
    replies = counter()
    accounts = counter()
    active_accounts = counter()
    version = counter()
    top_version = counter()
    follows = counter()
    likes = counter()
    retwoots = counter()
    participants = counter()

    class Meta:
        primary_key = CompositeKey("unit", "start_ms")


class HashtagWindows(Table):
    """Uses of a hashtag in a window of time; distinct accounts only where the window is a day."""

    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    tag_id = BigIntegerField()
    uses = counter()
    accounts = counter()

    class Meta:
        """Rows of the present window lie together, where the writes are."""

        primary_key = CompositeKey("unit", "start_ms", "tag_id")


class HashtagAccounts(Table):
    """Who used a hashtag on a day, and (day 0) at any time."""

    tag_id = BigIntegerField()
    day_ms = BigIntegerField()
    account_id = BigIntegerField()
    uses = counter()

    class Meta:
        primary_key = CompositeKey("tag_id", "day_ms", "account_id")


class TopTags(Table):
    """The most used hashtags of a window, recomputed by workers."""

    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    rank = IntegerField()
    tag_id = BigIntegerField()
    uses = BigIntegerField()

    class Meta:
        """Best first."""

        primary_key = CompositeKey("unit", "start_ms", "rank")


class Trends(Table):
    """Hashtags that more accounts use today than expected, recomputed by workers."""

    rank = IntegerField(primary_key=True)
    tag_id = BigIntegerField()
    score_milli = BigIntegerField()
    computed_ms = BigIntegerField()


TIMING_BUCKETS = 20


class Timings(Table):
    """Histograms of request and statement times, summed over all processes."""

    kind = BinaryChar(max_length=16)
    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    name = BinaryChar(max_length=128)
    count = counter()
    errors = counter()
    sum_us = counter()

    class Meta:
        primary_key = CompositeKey("kind", "unit", "start_ms", "name")


for _index in range(TIMING_BUCKETS):
    Timings._meta.add_field(f"b{_index}", counter())
