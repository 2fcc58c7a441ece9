"""All tables; each names the column its rows are sharded by, or says that it is global."""

from __future__ import annotations

from typing import ClassVar

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, Model, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongBlob, LongText, counter

GLOBAL = "global"


class Table(Model):
    """A table; `shard` names the column that decides where a row lives, or is `GLOBAL`."""

    shard: ClassVar[str] = GLOBAL

    class Meta:
        """Table names are the snake_case of the classes."""

        legacy_table_names = False


class Accounts(Table):
    """A person or a bot; counts of its own doing move in the request's transaction."""

    shard = "id"
    id = BigIntegerField(primary_key=True)
    username = BinaryChar(max_length=30)
    display_name = LongText()
    bio = LongText()
    bot = BooleanField()
    protected = BooleanField()
    role = BinaryChar(max_length=16)
    state = BinaryChar(max_length=16)
    version = IntegerField()
    twoots = counter()
    followers = counter()
    following = counter()


class Credentials(Table):
    """What proves that somebody is an account."""

    shard = "account_id"
    account_id = BigIntegerField(primary_key=True)
    email = BinaryChar(max_length=254)
    email_confirmed_ms = BigIntegerField(null=True)
    password_hash = BinaryChar(max_length=255)
    password_version = IntegerField()


class Tokens(Table):
    """Bearer tokens; only the SHA-256 of the secret is kept."""

    shard = "account_id"
    account_id = BigIntegerField()
    id = BigIntegerField()
    secret_sha256 = BinaryChar(max_length=64)
    created_ms = BigIntegerField()
    expires_ms = BigIntegerField()
    last_used_ms = BigIntegerField()
    user_agent = BinaryChar(max_length=255)

    class Meta:
        """Found by their account's shard; expired ones by their time."""

        primary_key = CompositeKey("account_id", "id")
        indexes = ((("expires_ms",), False),)


class KnownNetworks(Table):
    """Networks an account has signed in from; a stranger's attempts do not lock these out."""

    shard = "account_id"
    account_id = BigIntegerField()
    network = BinaryChar(max_length=64)
    last_used_ms = BigIntegerField()

    class Meta:
        """Found by their account's shard; forgotten ones by their time."""

        primary_key = CompositeKey("account_id", "network")
        indexes = ((("last_used_ms",), False),)


class Twoots(Table):
    """Posts; the time of a post is the time of its id."""

    shard = "author_id"
    id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()
    version = IntegerField()
    edited_ms = BigIntegerField(null=True)
    visibility = BinaryChar(max_length=16)
    language = BinaryChar(max_length=16, null=True)
    text = LongText()
    given_tag = BinaryChar(max_length=255, null=True)
    hashtags = LongText()
    reply_to_id = BigIntegerField(null=True)
    reply_to_author_id = BigIntegerField(null=True)
    replies = counter()
    likes = counter()
    retwoots = counter()
    quotes = counter()

    class Meta:
        """One index besides the key: an author's twoots."""

        indexes = ((("author_id", "id"), False),)


class TwootReplies(Table):
    """Reply edges at the parent's author, kept as tombstones with a growing version."""

    shard = "parent_author_id"
    parent_author_id = BigIntegerField()
    parent_id = BigIntegerField()
    reply_id = BigIntegerField()
    reply_author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        primary_key = CompositeKey("parent_author_id", "parent_id", "reply_id")


class IdempotencyKeys(Table):
    """Answers to repeat for 24 hours."""

    shard = "account_id"
    account_id = BigIntegerField()
    key = BinaryChar(max_length=255)
    request_sha256 = BinaryChar(max_length=64)
    resource_id = BigIntegerField()
    created_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "key")
        indexes = ((("created_ms",), False),)


class Imports(Table):
    """How far a file has been imported; moves with each block of rows, in its transaction."""

    shard = "account_id"
    account_id = BigIntegerField()
    file_sha256 = BinaryChar(max_length=64)
    line = IntegerField()
    lines_sha256 = BinaryChar(max_length=64)
    done = BooleanField()

    class Meta:
        primary_key = CompositeKey("account_id", "file_sha256")


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


class Deletions(Table):
    """Accounts being deleted in bounded steps."""

    shard = "account_id"
    account_id = BigIntegerField(primary_key=True)
    requested_ms = BigIntegerField()


class UsernameClaims(Table):
    """Who owns a username; a claim is pending until its account is written."""

    username = BinaryChar(max_length=30, primary_key=True)
    account_id = BigIntegerField()
    pending_since_ms = BigIntegerField(null=True, index=True)


class EmailClaims(Table):
    """Who confirmed a mail address, by the keyed hash of the address."""

    email_hmac = BinaryChar(max_length=64, primary_key=True)
    account_id = BigIntegerField()


class NodeLeases(Table):
    """Node numbers of ids, each lent to one process at a time."""

    node = IntegerField(primary_key=True)
    holder = BinaryChar(max_length=64)
    until_ms = BigIntegerField()


class Hashtags(Table):
    """Hashtags by normalised key, with the spelling stored first; rows are never removed."""

    id = BigIntegerField(primary_key=True)
    key = BinaryChar(max_length=255, unique=True)
    name = BinaryChar(max_length=255)
    uses = counter()
    accounts = counter()


class PublicEntries(Table):
    """The public timeline."""

    twoot_id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()


class HashtagEntries(Table):
    """Each hashtag's timeline."""

    tag_id = BigIntegerField()
    twoot_id = BigIntegerField()
    author_id = BigIntegerField()

    class Meta:
        """Newest last, so that a page is one range."""

        primary_key = CompositeKey("tag_id", "twoot_id")


class Windows(Table):
    """What happened on the whole instance in a window of time; the version moves with any change of the window."""

    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    twoots = counter()
    replies = counter()
    accounts = counter()
    active_accounts = counter()
    version = counter()
    top_version = counter()

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


class ActiveAccounts(Table):
    """Who posted on a day."""

    day_ms = BigIntegerField()
    account_id = BigIntegerField()
    uses = counter()

    class Meta:
        primary_key = CompositeKey("day_ms", "account_id")


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

TABLES: tuple[type[Table], ...] = tuple(Table.__subclasses__())
