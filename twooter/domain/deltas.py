"""Deltas: what a batch of events changes in the aggregates, summed per row. Order and grouping do not matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from twooter.domain import windows
from twooter.domain.events import AccountEvent, Event, TwootEvent
from twooter.domain.windows import Unit

ALL_TIME = 0
"""The day of a hashtag's accounts over all time."""


@dataclass(slots=True)
class WindowDelta:
    """What a window of the whole instance gains; numbers may be negative."""

    twoots: int = 0
    replies: int = 0
    accounts: int = 0


@dataclass(slots=True)
class Deltas:
    """Sums by row; rows whose sum is zero may stay in."""

    windows: defaultdict[tuple[int, int], WindowDelta] = field(
        default_factory=lambda: defaultdict(WindowDelta)
    )
    active_accounts: Counter[tuple[int, int]] = field(default_factory=Counter)
    """By (day, account)."""
    hashtags: Counter[int] = field(default_factory=Counter)
    hashtag_windows: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """By (unit, start, tag)."""
    hashtag_accounts: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """By (tag, day, account)."""


def reduce(events: Iterable[Event]) -> Deltas:
    """Return the sums of events; those that move no aggregate are passed over."""
    deltas = Deltas()
    starts: dict[int, tuple[tuple[int, int], ...]] = {}
    for event in events:
        if not isinstance(event, TwootEvent | AccountEvent):
            continue
        minute = event.at_ms - event.at_ms % 60_000
        touched = starts.get(minute)
        if touched is None:
            touched = starts[minute] = tuple((int(u), windows.start(u, minute)) for u in Unit)
        if isinstance(event, TwootEvent):
            _add_twoot(deltas, event, touched)
        else:
            for window in touched:
                deltas.windows[window].accounts += event.sign
    return deltas


def _add_twoot(deltas: Deltas, event: TwootEvent, touched: tuple[tuple[int, int], ...]) -> None:
    sign, is_reply = event.sign, event.parent_id is not None
    day = touched[Unit.DAY - 1][1]
    for window in touched:
        delta = deltas.windows[window]
        delta.twoots += sign
        if is_reply:
            delta.replies += sign
    deltas.active_accounts[day, event.author_id] += sign
    for tag_id in event.tag_ids:
        deltas.hashtags[tag_id] += sign
        deltas.hashtag_accounts[tag_id, day, event.author_id] += sign
        deltas.hashtag_accounts[tag_id, ALL_TIME, event.author_id] += sign
        for unit, start_ms in touched:
            deltas.hashtag_windows[unit, start_ms, tag_id] += sign
