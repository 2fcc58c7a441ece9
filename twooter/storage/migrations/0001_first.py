"""The first schema, and the two built-in accounts."""

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

from twooter.storage.columns import BinaryChar, LongBlob, LongText, counter


class Frozen(Model):
    class Meta:
        legacy_table_names = False


class Accounts(Frozen):
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


class Credentials(Frozen):
    account_id = BigIntegerField(primary_key=True)
    email = BinaryChar(max_length=254)
    email_confirmed_ms = BigIntegerField(null=True)
    password_hash = BinaryChar(max_length=255)
    password_version = IntegerField()


class Tokens(Frozen):
    account_id = BigIntegerField()
    id = BigIntegerField()
    secret_sha256 = BinaryChar(max_length=64)
    created_ms = BigIntegerField()
    expires_ms = BigIntegerField()
    last_used_ms = BigIntegerField()
    user_agent = BinaryChar(max_length=255)

    class Meta:
        primary_key = CompositeKey("account_id", "id")
        indexes = ((("expires_ms",), False),)


class KnownNetworks(Frozen):
    account_id = BigIntegerField()
    network = BinaryChar(max_length=64)
    last_used_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "network")


class Twoots(Frozen):
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
        indexes = ((("author_id", "id"), False),)


class TwootReplies(Frozen):
    parent_author_id = BigIntegerField()
    parent_id = BigIntegerField()
    reply_id = BigIntegerField()
    reply_author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        primary_key = CompositeKey("parent_author_id", "parent_id", "reply_id")


class IdempotencyKeys(Frozen):
    account_id = BigIntegerField()
    key = BinaryChar(max_length=255)
    request_sha256 = BinaryChar(max_length=64)
    resource_id = BigIntegerField()
    created_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "key")
        indexes = ((("created_ms",), False),)


class Imports(Frozen):
    account_id = BigIntegerField()
    file_sha256 = BinaryChar(max_length=64)
    line = IntegerField()
    lines_sha256 = BinaryChar(max_length=64)
    done = BooleanField()

    class Meta:
        primary_key = CompositeKey("account_id", "file_sha256")


class Outbox(Frozen):
    id = BigIntegerField(primary_key=True)
    account_id = BigIntegerField()
    event = LongBlob()


class Batches(Frozen):
    id = BigIntegerField(primary_key=True)
    events = IntegerField()
    payload = LongBlob()


class Deliveries(Frozen):
    batch_id = BigIntegerField()
    consumer = BinaryChar(max_length=32)
    state = BinaryChar(max_length=16)
    attempts = IntegerField()
    sent_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("batch_id", "consumer")
        indexes = ((("state", "sent_ms"), False),)


class ParkedEvents(Frozen):
    consumer = BinaryChar(max_length=32)
    batch_id = BigIntegerField()
    position = IntegerField()
    event = LongBlob()
    error = LongText()
    parked_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("consumer", "batch_id", "position")


class Ledger(Frozen):
    consumer = BinaryChar(max_length=32)
    batch_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("batch_id", "consumer")


class Deletions(Frozen):
    account_id = BigIntegerField(primary_key=True)
    requested_ms = BigIntegerField()


class UsernameClaims(Frozen):
    username = BinaryChar(max_length=30, primary_key=True)
    account_id = BigIntegerField()
    pending_since_ms = BigIntegerField(null=True, index=True)


class EmailClaims(Frozen):
    email_hmac = BinaryChar(max_length=64, primary_key=True)
    account_id = BigIntegerField()


class NodeLeases(Frozen):
    node = IntegerField(primary_key=True)
    holder = BinaryChar(max_length=64)
    until_ms = BigIntegerField()


class Hashtags(Frozen):
    id = BigIntegerField(primary_key=True)
    key = BinaryChar(max_length=255, unique=True)
    name = BinaryChar(max_length=255)
    uses = counter()
    accounts = counter()


class PublicEntries(Frozen):
    twoot_id = BigIntegerField(primary_key=True)
    author_id = BigIntegerField()


class HashtagEntries(Frozen):
    tag_id = BigIntegerField()
    twoot_id = BigIntegerField()
    author_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("tag_id", "twoot_id")


class Windows(Frozen):
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


class HashtagWindows(Frozen):
    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    tag_id = BigIntegerField()
    uses = counter()
    accounts = counter()

    class Meta:
        primary_key = CompositeKey("unit", "start_ms", "tag_id")


class HashtagAccounts(Frozen):
    tag_id = BigIntegerField()
    day_ms = BigIntegerField()
    account_id = BigIntegerField()
    uses = counter()

    class Meta:
        primary_key = CompositeKey("tag_id", "day_ms", "account_id")


class ActiveAccounts(Frozen):
    day_ms = BigIntegerField()
    account_id = BigIntegerField()
    uses = counter()

    class Meta:
        primary_key = CompositeKey("day_ms", "account_id")


class TopTags(Frozen):
    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    rank = IntegerField()
    tag_id = BigIntegerField()
    uses = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("unit", "start_ms", "rank")


class Trends(Frozen):
    rank = IntegerField(primary_key=True)
    tag_id = BigIntegerField()
    score_milli = BigIntegerField()
    computed_ms = BigIntegerField()


class ScheduleClaims(Frozen):
    task = BinaryChar(max_length=64)
    slot_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("task", "slot_ms")


class Timings(Frozen):
    kind = BinaryChar(max_length=16)
    unit = SmallIntegerField()
    start_ms = BigIntegerField()
    name = BinaryChar(max_length=128)
    count = counter()
    errors = counter()
    sum_us = counter()

    class Meta:
        primary_key = CompositeKey("kind", "unit", "start_ms", "name")


for _index in range(20):
    Timings._meta.add_field(f"b{_index}", counter())


def up(migrator: Any, db: Database) -> None:  # Any: playhouse's migrator has no types
    """Create every table, and the accounts of anonymous and of imported messages."""
    tables = Frozen.__subclasses__()
    with db.bind_ctx(tables):
        for table in tables:
            table.create_table(safe=True)
        for id_, username in ((1, "anonymous"), (2, "imported")):
            row = {"id": id_, "username": username, "display_name": username.title(), "bio": "", "bot": True}
            row |= {"protected": False, "role": "user", "state": "active", "version": 1}
            Accounts.insert(row).on_conflict_ignore().execute()
            UsernameClaims.insert(username=username, account_id=id_).on_conflict_ignore().execute()
