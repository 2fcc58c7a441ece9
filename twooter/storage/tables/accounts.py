"""Tables of accounts: who takes part, what proves it, which names are taken."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField

from twooter.storage.columns import BinaryChar, LongText, counter
from twooter.storage.tables.table import Table


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
    follows_hashtags = BooleanField(null=True)
    silenced_ms = BigIntegerField(null=True)

    class Meta:
        """The few that moderators have silenced are found by the time of it."""

        indexes = ((("silenced_ms",), False),)


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
