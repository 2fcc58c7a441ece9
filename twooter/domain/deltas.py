"""Deltas: what a batch of events changes in the aggregates, summed per row. Order and grouping do not matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from twooter.domain import windows
from twooter.domain.actions import Kind
from twooter.domain.events import (
    AccountEvent,
    ActionEvent,
    EditEvent,
    Event,
    FollowCountEvent,
    TwootEvent,
)
from twooter.domain.windows import KEPT_MS, Unit

Moving = TwootEvent | EditEvent | ActionEvent | FollowCountEvent | AccountEvent
"""Events that move aggregates."""
_MOVING = (TwootEvent, EditEvent, ActionEvent, FollowCountEvent, AccountEvent)

ALL_TIME = 0
"""The day of a hashtag's accounts over all time."""
_MINUTE_MS = 60_000


@dataclass(slots=True)
class WindowDelta:
    """What a window of the whole instance gains; numbers may be negative.

    `version` is 1 where something else than follows, likes and retwoots moves: statistics that know nothing of these
    are not made anew for them.
    """

    twoots: int = 0
    replies: int = 0
    accounts: int = 0
    follows: int = 0
    likes: int = 0
    retwoots: int = 0
    version: int = 0

    def add(self, other: WindowDelta) -> None:
        """Gain what another gains."""
        self.twoots += other.twoots
        self.replies += other.replies
        self.accounts += other.accounts
        self.follows += other.follows
        self.likes += other.likes
        self.retwoots += other.retwoots
        self.version |= other.version


@dataclass(slots=True)
class Deltas:
    """Sums by row; rows whose sum is zero may stay in."""

    windows: defaultdict[tuple[int, int], WindowDelta] = field(
        default_factory=lambda: defaultdict(WindowDelta)
    )
    active_accounts: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Twoots by (day, account)."""
    acts: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Follows, likes and retwoots by (day, account)."""
    hashtags: Counter[int] = field(default_factory=Counter)
    hashtag_windows: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """By (unit, start, tag)."""
    hashtag_accounts: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """By (tag, day, account)."""


@dataclass(slots=True)
class _Minute:
    """What happened in one minute, and the day it lies in."""

    day_ms: int
    sums: WindowDelta = field(default_factory=WindowDelta)
    tags: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))


def moves(event: Event) -> bool:
    """Return whether an event moves any aggregate."""
    return isinstance(event, _MOVING)


def reduce(events: Iterable[Event], *, now_ms: int = 0) -> Deltas:
    """Return the sums of events; those that move no aggregate are passed over.

    Windows that were not kept any more at `now_ms` are left out: rows of twenty years ago make no minutes.
    """
    deltas = Deltas()
    minutes: dict[int, _Minute] = {}
    for event in events:
        if not isinstance(event, _MOVING):
            continue
        start_ms = event.at_ms - event.at_ms % _MINUTE_MS
        minute = minutes.get(start_ms)
        if minute is None:
            minute = minutes[start_ms] = _Minute(windows.start(Unit.DAY, start_ms))
        if isinstance(event, TwootEvent):
            _add_twoot(deltas, event, minute)
        elif isinstance(event, ActionEvent | FollowCountEvent):
            _add_act(deltas, event, minute)
        elif isinstance(event, EditEvent):
            minute.sums.version = 1
            _add_tags(deltas, minute, event.author_id, event.added_tag_ids, 1)
            _add_tags(deltas, minute, event.author_id, event.removed_tag_ids, -1)
        else:
            minute.sums.version = 1
            minute.sums.accounts += event.sign
    for start_ms, minute in minutes.items():
        _add_minute(deltas, start_ms, minute, now_ms)
    return deltas


def _add_twoot(deltas: Deltas, event: TwootEvent, minute: _Minute) -> None:
    sign, author_id, day_ms = event.sign, event.author_id, minute.day_ms
    minute.sums.version = 1
    minute.sums.twoots += sign
    if event.parent_id is not None:
        minute.sums.replies += sign
    # get(), for what a Counter does about a missing key takes longer than all the rest
    active = deltas.active_accounts
    key = day_ms, author_id
    active[key] = active.get(key, 0) + sign
    _add_tags(deltas, minute, author_id, event.tag_ids, sign)


def _add_act(deltas: Deltas, event: ActionEvent | FollowCountEvent, minute: _Minute) -> None:
    if isinstance(event, FollowCountEvent):
        by = event.sign
        minute.sums.follows += by
    else:
        by = 1 if event.active else -1
        if event.action == Kind.LIKE:
            minute.sums.likes += by
        elif event.action == Kind.RETWOOT:
            minute.sums.retwoots += by
        else:
            return
    key = minute.day_ms, event.account_id
    deltas.acts[key] = deltas.acts.get(key, 0) + by


def _add_tags(deltas: Deltas, minute: _Minute, author_id: int, tag_ids: Iterable[int], by: int) -> None:
    accounts = deltas.hashtag_accounts
    for tag_id in tag_ids:
        minute.tags[tag_id] += by
        for day in (minute.day_ms, ALL_TIME):
            place = tag_id, day, author_id
            accounts[place] = accounts.get(place, 0) + by


def _add_minute(deltas: Deltas, minute_ms: int, minute: _Minute, now_ms: int) -> None:
    sums = minute.sums
    for tag_id, by in minute.tags.items():
        deltas.hashtags[tag_id] += by
    for unit in Unit:
        start_ms = windows.start(unit, minute_ms)
        if start_ms < now_ms - KEPT_MS.get(unit, now_ms):
            continue
        deltas.windows[int(unit), start_ms].add(sums)
        uses, number = deltas.hashtag_windows, int(unit)
        for tag_id, by in minute.tags.items():
            key = number, start_ms, tag_id
            uses[key] = uses.get(key, 0) + by
