"""Notifications: what others did that concerns an account, and which events tell of it."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twooter.domain import actions, graph, ids
from twooter.domain.accounts import Author
from twooter.domain.events import (
    ActionEvent,
    EditEvent,
    Event,
    FollowAnswerEvent,
    FollowEvent,
    PollEndEvent,
    RefusalEvent,
    TwootEvent,
)
from twooter.domain.follows import Follow
from twooter.domain.scheduled_twoots import ScheduledTwoot
from twooter.domain.twoots import Card

MAX_ACCOUNTS = 5
"""Accounts that a group names; it counts all."""
WINDOW = 200
"""Notifications that one page of groups is made of, at most."""
NOBODYS = frozenset((ids.ANONYMOUS_ID, ids.IMPORTED_ID))
"""Accounts that nobody signs in to, and so nobody reads for."""


class Kind(enum.IntEnum):
    """Kinds of notifications; their numbers are kept."""

    MENTION = 1
    REPLY = 2
    LIKE = 3
    RETWOOT = 4
    QUOTE = 5
    FOLLOW = 6
    FOLLOW_REQUEST = 7
    POLL = 8
    """A poll that one has made, or voted in, has ended."""
    SCHEDULED_REFUSED = 9
    """A twoot that one had scheduled was not published when its time had come."""

    @property
    def of_own_twoot(self) -> bool:
        """Return whether its twoot is the receiver's; other twoots are the actor's."""
        return self in OF_OWN_TWOOT


OF_OWN_TWOOT = (Kind.LIKE, Kind.RETWOOT)
_ACTIONS = {int(actions.Kind.LIKE): Kind.LIKE, int(actions.Kind.RETWOOT): Kind.RETWOOT}


class Key(NamedTuple):
    """What a notification is of: there is one row for each.

    Of a scheduled twoot nobody else knows: its id stands for a twoot's, and its version in place of who did something.
    """

    account_id: int
    kind: Kind
    twoot_id: int
    actor_id: int

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Return what shares an id: both kinds of a follow do, and come one after the other."""
        return (self.account_id, self.kind if self.twoot_id else 0, self.twoot_id, self.actor_id)

    @property
    def of_scheduled(self) -> bool:
        """Return whether it is of a scheduled twoot, at the one who wrote it."""
        return self.kind is Kind.SCHEDULED_REFUSED

    @property
    def twoot_author_id(self) -> int:
        """Return who wrote the twoot it is of."""
        return self.account_id if self.kind.of_own_twoot else self.actor_id


@dataclass(frozen=True, slots=True)
class Notice:
    """What an event says of a notification: the greatest version is the last acknowledged state.

    `quoted_id` is the receiver's twoot that a quote shows.
    """

    key: Key
    version: int
    active: bool
    quoted_id: int = 0


def notices_of(event: Event) -> Iterator[Notice]:
    """Return what an event tells whom; nobody is told what it did itself, but for the end of its poll."""
    for notice in _notices(event):
        is_own = notice.key.account_id == notice.key.actor_id
        if (not is_own or notice.key.kind is Kind.POLL) and notice.key.account_id not in NOBODYS:
            yield notice


def _notices(event: Event) -> Iterator[Notice]:
    if isinstance(event, TwootEvent):
        yield from _of_twoot(event)
    elif isinstance(event, EditEvent):
        for account_id in event.mention_ids:
            key = Key(account_id, Kind.MENTION, event.twoot_id, event.author_id)
            yield Notice(key, event.version, active=True)
    elif isinstance(event, ActionEvent) and event.action in _ACTIONS:
        key = Key(event.author_id, _ACTIONS[event.action], event.twoot_id, event.account_id)
        yield Notice(key, event.version, event.active)
    elif isinstance(event, PollEndEvent):
        for account_id in event.account_ids:
            yield Notice(Key(account_id, Kind.POLL, event.twoot_id, event.author_id), 1, active=True)
    elif isinstance(event, RefusalEvent):
        key = Key(event.account_id, Kind.SCHEDULED_REFUSED, event.scheduled_id, event.version)
        yield Notice(key, 1, active=True)
    elif isinstance(event, FollowEvent):
        yield from _of_follow(event, event.account_id, event.target_id)
    elif isinstance(event, FollowAnswerEvent):
        yield from _of_follow(event, event.target_id, event.account_id)


def _of_twoot(event: TwootEvent) -> Iterator[Notice]:
    """Return one notice for everybody a twoot speaks to: as a reply, else as a quote, else as a mention."""
    kinds = dict.fromkeys(event.mention_ids, Kind.MENTION)
    if event.quote_author_id is not None:
        kinds[event.quote_author_id] = Kind.QUOTE
    if event.parent_author_id is not None:
        kinds[event.parent_author_id] = Kind.REPLY
    for account_id, kind in kinds.items():
        quoted_id = event.quote_id or 0 if kind is Kind.QUOTE else 0
        key = Key(account_id, kind, event.twoot_id, event.author_id)
        yield Notice(key, event.version, event.sign > 0, quoted_id)


def _of_follow(event: FollowEvent | FollowAnswerEvent, follower_id: int, account_id: int) -> Iterator[Notice]:
    """Return both notices of a follow, of which one holds at most: they are made together, and share their id."""
    state = graph.State(event.state)
    version, stage = Follow(follower_id, account_id, event.version, state, event.edge_id).place
    for kind, wanted in ((Kind.FOLLOW, graph.State.ACTIVE), (Kind.FOLLOW_REQUEST, graph.State.REQUESTED)):
        yield Notice(Key(account_id, kind, 0, follower_id), 3 * version + stage, state is wanted)


def tells_anybody(event: Event) -> bool:
    """Return whether an event changes notifications."""
    return removed_twoot_of(event) is not None or next(notices_of(event), None) is not None


def removed_twoot_of(event: Event) -> tuple[int, int] | None:
    """Return (author, twoot) of a twoot that went: nobody is told any more who liked it."""
    return (event.author_id, event.twoot_id) if isinstance(event, TwootEvent) and event.sign < 0 else None


class Noted(NamedTuple):
    """A notification as it is stored."""

    id: int
    key: Key


@dataclass(frozen=True, slots=True)
class Notification:
    """Notifications as they are shown: one, or several of the same kind and twoot.

    `id` is the newest one's; `accounts` are the newest actors, oneself where nobody else did anything, `count` is of
    all.
    """

    id: int
    kind: Kind
    accounts: Sequence[Author]
    count: int
    card: Card | None
    read: bool
    scheduled: ScheduledTwoot | None = None


def group_of(noted: Noted, *, grouped: bool) -> Hashable:
    """Return what notifications shown as one have in common."""
    return (noted.key.kind, noted.key.twoot_id) if grouped else noted.id


def taken(rows: Sequence[Noted], limit: int) -> int:
    """Return how many of the rows, from the first on, a page of at most `limit` groups is made of.

    It ends before the row that would begin one group too many: pages follow each other without gap or overlap.
    """
    groups: set[Hashable] = set()
    for number, noted in enumerate(rows[:WINDOW]):
        groups.add(group_of(noted, grouped=True))
        if len(groups) > limit:
            return number
    return min(len(rows), WINDOW)
