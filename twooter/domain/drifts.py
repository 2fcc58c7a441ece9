"""Drifts: where an aggregate differs from what the source says, and by how much."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twooter.domain import windows
from twooter.domain.windows import Unit

Key = tuple[int, ...]
Keyed = Mapping[Any, int]  # Any: `Key` or a longer word for it; mappings are invariant in their keys
EXAMPLES = 20
"""Drifts of a kind that a report names."""


class Kind(enum.StrEnum):
    """What drifts: a table and a column, or rows that should (not) be there. The keys are those of the tables."""

    WINDOW_TWOOTS = "windows.twoots"
    WINDOW_REPLIES = "windows.replies"
    WINDOW_ACCOUNTS = "windows.accounts"
    WINDOW_ACTIVE = "windows.active_accounts"
    WINDOW_FOLLOWS = "windows.follows"
    WINDOW_LIKES = "windows.likes"
    WINDOW_RETWOOTS = "windows.retwoots"
    WINDOW_PARTICIPANTS = "windows.participants"
    ACTIVE_USES = "active_accounts.uses"
    ACTIVE_ACTS = "active_accounts.acts"
    ACTIVE_WEEK_DAYS = "active_weeks.days"
    RETENTION = "retention.accounts"
    """By (week, week in which they joined)."""
    TAG_USES = "hashtags.uses"
    TAG_ACCOUNTS = "hashtags.accounts"
    TAG_WINDOW_USES = "hashtag_windows.uses"
    TAG_WINDOW_ACCOUNTS = "hashtag_windows.accounts"
    TAG_ACCOUNT_USES = "hashtag_accounts.uses"
    ACCOUNT_TWOOTS = "accounts.twoots"
    TWOOT_REPLIES = "twoots.replies"
    REPLY_EDGES = "twoot_replies.active"
    """By (parent's author, parent, reply, reply's author, version of the reply or one more than the edge's)."""
    TWOOT_QUOTES = "twoots.quotes"
    QUOTE_EDGES = "twoot_quotes.active"
    """By (quoted author, quoted, quote, its author, version as above)."""
    TWOOT_LIKES = "twoots.likes"
    LIKE_EDGES = "twoot_actions.likes"
    """By (author, twoot, who likes it, id of the like, version as above)."""
    TWOOT_RETWOOTS = "twoots.retwoots"
    RETWOOT_EDGES = "twoot_actions.retwoots"
    """As those of likes."""
    ACCOUNT_FOLLOWING = "accounts.following"
    ACCOUNT_FOLLOWERS = "accounts.followers"
    FOLLOWER_EDGES = "followers.state"
    """By (follower, whom it follows)."""
    POLL_COUNTS = "polls.counts"
    """By (author, twoot, number of the count: 0 are the voters, then the options)."""
    POLL_VOTES = "poll_votes.active"
    """By (author, twoot, who votes, its choices, version as above)."""
    PUBLIC_ENTRIES = "public_entries"
    """By (author, twoot)."""
    TAG_ENTRIES = "hashtag_entries"
    """By (author, twoot, hashtag)."""


WINDOW_SUMS = {
    "twoots": Kind.WINDOW_TWOOTS,
    "replies": Kind.WINDOW_REPLIES,
    "accounts": Kind.WINDOW_ACCOUNTS,
    "follows": Kind.WINDOW_FOLLOWS,
    "likes": Kind.WINDOW_LIKES,
    "retwoots": Kind.WINDOW_RETWOOTS,
}
"""Columns of windows that are the sums of those of shorter ones."""


@dataclass(slots=True)
class Drifts:
    """Drifts by kind and key: aggregate + events not yet applied - source; never zero."""

    by_kind: dict[Kind, dict[Key, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self.by_kind.values()))

    def add(self, kind: Kind, key: Key, by: int) -> None:
        """Note a drift, unless it is none."""
        if by:
            self.by_kind.setdefault(kind, {})[key] = by

    def compare(self, kind: Kind, actual: Keyed, expected: Keyed) -> None:
        """Note where two mappings differ; what is missing counts as 0."""
        for key in actual.keys() | expected.keys():
            self.add(kind, key, actual.get(key, 0) - expected.get(key, 0))

    def update(self, other: Drifts) -> None:
        """Take in others; one that is known already is not counted twice."""
        for kind, found in other.by_kind.items():
            self.by_kind.setdefault(kind, {}).update(found)

    def of(self, kind: Kind) -> Mapping[Key, int]:
        """Return the drifts of a kind."""
        return self.by_kind.get(kind, {})

    def items(self) -> Iterable[tuple[Kind, Key, int]]:
        """Return every drift."""
        return ((kind, key, by) for kind, found in self.by_kind.items() for key, by in found.items())


@dataclass(slots=True)
class Report:
    """What an audit found; `complete` is False when time or room ran out before the end."""

    complete: bool = True
    steps: int = 0
    rows: Counter[Kind] = field(default_factory=Counter)
    """How many rows drift."""
    amounts: Counter[Kind] = field(default_factory=Counter)
    """By how much, without signs."""
    examples: dict[Kind, dict[Key, int]] = field(default_factory=dict)

    def add(self, drifts: Drifts) -> None:
        """Count drifts, and keep the first of each kind as examples."""
        for kind, key, by in drifts.items():
            self.rows[kind] += 1
            self.amounts[kind] += abs(by)
            shown = self.examples.setdefault(kind, {})
            if len(shown) < EXAMPLES:
                shown[key] = by


def carried(drifts: Drifts, upper: Unit) -> dict[Kind, Counter[Key]]:
    """Return what the drifts of shorter windows do to the sums of longer ones, by the longer window's key."""
    lower = Unit(upper - 1)
    sums: dict[Kind, Counter[Key]] = {}
    for kind in (*WINDOW_SUMS.values(), Kind.TAG_WINDOW_USES):
        found = sums[kind] = Counter()
        for (unit, start_ms, *rest), by in drifts.of(kind).items():
            if unit == lower:
                found[(int(upper), windows.start(upper, start_ms), *rest)] += by
    return sums
