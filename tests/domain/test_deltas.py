"""Sums of events are the same however the events are ordered and grouped, and what is taken back leaves nothing."""

import itertools
from collections import Counter
from dataclasses import astuple, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from twooter.domain import deltas, ids, windows
from twooter.domain.actions import Kind
from twooter.domain.deltas import ALL_TIME, Deltas
from twooter.domain.events import (
    AccountEvent,
    ActionEvent,
    DeletionEvent,
    Event,
    FollowCountEvent,
    TwootEvent,
)
from twooter.domain.windows import KEPT_MS, Unit

patient = settings(deadline=None)  # what takes long is a busy machine
times = st.integers(ids.EPOCH_MS, ids.EPOCH_MS + 26 * 365 * 86_400_000)
few = st.integers(1, 5)
twoots = st.builds(
    TwootEvent,
    sign=st.sampled_from([1, -1]),
    author_id=few,
    twoot_id=few,
    at_ms=times,
    tag_ids=st.lists(few, unique=True, max_size=4).map(tuple),
    parent_id=st.none() | few,
    parent_author_id=few,
    version=few,
)
registered = st.builds(AccountEvent, sign=st.sampled_from([1, -1]), account_id=few, at_ms=times)
edge_ids = st.builds(ids.compose, times, st.just(1), st.integers(0, 4095))
acts = st.builds(
    ActionEvent,
    account_id=few,
    action=st.sampled_from([int(kind) for kind in Kind]),
    twoot_id=few,
    author_id=few,
    version=few,
    active=st.booleans(),
    edge_id=edge_ids,
    visibility=st.just("public"),
)
follows = st.builds(FollowCountEvent, sign=st.sampled_from([1, -1]), account_id=few, edge_id=edge_ids)
histories = st.lists(twoots | registered | acts | follows, max_size=30)


def plain(sums: Deltas) -> dict[str, dict[Any, Any]]:  # Any: keys of each table
    """Return the sums without the zeros."""
    counters: tuple[Counter[Any], ...] = (
        sums.active_accounts,
        sums.hashtags,
        sums.hashtag_windows,
        sums.hashtag_accounts,
        sums.acts,
    )
    found: dict[str, dict[Any, Any]] = {
        str(number): {key: by for key, by in counter.items() if by} for number, counter in enumerate(counters)
    }
    found["windows"] = {key: numbers for key, d in sums.windows.items() if any(numbers := astuple(d)[:-1])}
    return found


def added(parts: list[Deltas]) -> Deltas:
    """Return the sum of sums."""
    total = Deltas()
    for part in parts:
        for name in ("active_accounts", "hashtags", "hashtag_windows", "hashtag_accounts", "acts"):
            counter: Counter[object] = getattr(total, name)
            counter.update(getattr(part, name))
        for key, delta in part.windows.items():
            total.windows[key].add(delta)
    return total


@patient
@given(histories, st.randoms(use_true_random=False), st.lists(st.integers(0, 30)))
def test_order_and_grouping_do_not_matter(events: list[Event], rng: object, cuts: list[int]) -> None:
    whole = plain(deltas.reduce(events))
    shuffled = list(events)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert plain(deltas.reduce(shuffled)) == whole
    at = sorted({min(cut, len(shuffled)) for cut in cuts} | {0, len(shuffled)})
    groups = [shuffled[low:high] for low, high in itertools.pairwise(at)]
    assert plain(added([deltas.reduce(group) for group in groups])) == whole


def undone(event: Event) -> Event:
    """Return what takes an event back."""
    if isinstance(event, ActionEvent):
        return replace(event, active=not event.active)
    assert isinstance(event, TwootEvent | AccountEvent | FollowCountEvent)
    return replace(event, sign=-event.sign)


@patient
@given(histories)
def test_what_is_taken_back_leaves_nothing(events: list[Event]) -> None:
    assert not any(plain(deltas.reduce([*events, *map(undone, events)])).values())


@patient
@given(histories, times)
def test_only_windows_that_are_not_kept_any_more_are_left_out(events: list[Event], now_ms: int) -> None:
    whole, kept = deltas.reduce(events), deltas.reduce(events, now_ms=now_ms)
    lasting = {k for k in whole.windows if k[1] >= now_ms - KEPT_MS.get(Unit(k[0]), now_ms)}
    assert kept.windows.keys() == lasting
    assert kept.hashtag_windows == {k: n for k, n in whole.hashtag_windows.items() if k[:2] in lasting}
    assert (kept.hashtags, kept.hashtag_accounts) == (whole.hashtags, whole.hashtag_accounts)


def test_a_reply_with_two_hashtags_moves_what_it_should() -> None:
    at_ms = ids.EPOCH_MS + 400 * 86_400_000 + 12_345_678
    sums = deltas.reduce([TwootEvent(1, 7, 1, at_ms, (3, 4), 2, 8, 1), DeletionEvent(7)])
    day_ms = windows.start(Unit.DAY, at_ms)
    assert plain(sums) == {
        "0": {(day_ms, 7): 1},
        "1": {3: 1, 4: 1},
        "2": {(int(unit), windows.start(unit, at_ms), tag): 1 for unit in Unit for tag in (3, 4)},
        "3": {(tag, day, 7): 1 for tag in (3, 4) for day in (day_ms, ALL_TIME)},
        "4": {},
        "windows": {(int(unit), windows.start(unit, at_ms)): (1, 1, 0, 0, 0, 0) for unit in Unit},
    }


def test_acts_move_windows_and_those_who_did_them_but_nothing_that_statistics_of_hashtags_show() -> None:
    at_ms = ids.EPOCH_MS + 400 * 86_400_000 + 12_345_678
    edge_id = ids.compose(at_ms, 1, 2)
    done = [
        ActionEvent(7, int(kind), 1, 8, 1, active=True, edge_id=edge_id, visibility="public") for kind in Kind
    ]
    sums = deltas.reduce([*done, FollowCountEvent(1, 9, edge_id)])
    day_ms = windows.start(Unit.DAY, at_ms)
    assert plain(sums)["4"] == {(day_ms, 7): 2, (day_ms, 9): 1}
    keys = {(int(unit), windows.start(unit, at_ms)) for unit in Unit}
    assert plain(sums)["windows"] == dict.fromkeys(keys, (0, 0, 0, 1, 1, 1))
    assert {window.version for window in sums.windows.values()} == {0}
    written = TwootEvent(1, 7, 1, at_ms, (), None, None, 1)
    assert {window.version for window in deltas.reduce([written, *done]).windows.values()} == {1}
