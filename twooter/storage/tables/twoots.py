"""Tables of twoots: posts, what was said before, what was done with them, and the timelines of everybody."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, SmallIntegerField

from twooter.storage.columns import BinaryChar, LongText, counter
from twooter.storage.tables.table import Table


class Twoots(Table):
    """Posts; the time of a post is the time of its id."""

    shard = "author_id"
    looked_up = ("id",)
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
    quote_of_id = BigIntegerField(null=True)
    quote_of_author_id = BigIntegerField(null=True)
    root_id = BigIntegerField(null=True)
    content_warning = LongText(null=True)
    mention_ids = LongText(null=True)
    ancestors = LongText(null=True)
    hidden_ms = BigIntegerField(null=True)
    has_poll = BooleanField(null=True)

    class Meta:
        """One index besides the key: an author's twoots."""

        indexes = ((("author_id", "id"), False),)


class TwootEdits(Table):
    """What a twoot said before it was edited, by the version it had then."""

    shard = "author_id"
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    version = IntegerField()
    text = LongText()
    content_warning = LongText(null=True)
    language = BinaryChar(max_length=16, null=True)
    written_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("author_id", "twoot_id", "version")


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


class ThreadReplies(Table):
    """Everything below a twoot in its conversation, up to `MAX_ANCESTORS` steps down; what is gone may stay in."""

    shard = "author_id"
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    reply_id = BigIntegerField()
    reply_author_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("author_id", "twoot_id", "reply_id")


class TwootQuotes(Table):
    """Quote edges at the quoted author, as `TwootReplies`."""

    shard = "quoted_author_id"
    quoted_author_id = BigIntegerField()
    quoted_id = BigIntegerField()
    quote_id = BigIntegerField()
    quote_author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()

    class Meta:
        primary_key = CompositeKey("quoted_author_id", "quoted_id", "quote_id")


class GoneTwoots(Table):
    """Twoots that were deleted, until `due_ms`: then what others left below them goes."""

    shard = "author_id"
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    due_ms = BigIntegerField(index=True)

    class Meta:
        primary_key = CompositeKey("author_id", "twoot_id")


class Actions(Table):
    """What an account did with a twoot, by kind: its own side, kept with a growing version."""

    shard = "account_id"
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    kind = SmallIntegerField()
    author_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()
    edge_id = BigIntegerField()

    class Meta:
        """Lists are in the order of `edge_id`, the time it was done; it is also the id of a retwoot.

        Audits of windows read by it alone.
        """

        primary_key = CompositeKey("account_id", "twoot_id", "kind")
        indexes = ((("account_id", "kind", "active", "edge_id"), False), (("edge_id",), False))


class TwootActions(Table):
    """Who did what with a twoot; the author's side of `Actions`, by the same versions."""

    shard = "author_id"
    author_id = BigIntegerField()
    twoot_id = BigIntegerField()
    kind = SmallIntegerField()
    account_id = BigIntegerField()
    version = IntegerField()
    active = BooleanField()
    edge_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("author_id", "twoot_id", "kind", "account_id")
        indexes = ((("author_id", "twoot_id", "kind", "active", "edge_id"), False),)


class Pins(Table):
    """Twoots an account shows first on its profile."""

    shard = "account_id"
    account_id = BigIntegerField()
    twoot_id = BigIntegerField()
    pinned_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "twoot_id")


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
