"""Tables of the audience: who took part on which day and in which week, and how many of those who joined still do."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey

from twooter.storage.columns import counter
from twooter.storage.tables.table import Table


class ActiveAccounts(Table):
    """Who did something on a day: twoots are `uses`, follows, likes and retwoots are `acts`."""

    day_ms = BigIntegerField()
    account_id = BigIntegerField()
    uses = counter()
    acts = counter()

    class Meta:
        primary_key = CompositeKey("day_ms", "account_id")


class ActiveWeeks(Table):
    """On how many days of a week an account did something; built-in accounts have no rows."""

    week_ms = BigIntegerField()
    account_id = BigIntegerField()
    days = counter()

    class Meta:
        """The week an account joined in is in its id: those who joined together lie together."""

        primary_key = CompositeKey("week_ms", "account_id")


class Retention(Table):
    """How many of the accounts that joined in one week did something in another."""

    week_ms = BigIntegerField()
    joined_ms = BigIntegerField()
    accounts = counter()

    class Meta:
        """Rows of the present week lie together, where the writes are."""

        primary_key = CompositeKey("week_ms", "joined_ms")
