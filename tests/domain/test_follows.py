"""Follows: what is known of one has an order, whatever the order it is heard in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from twooter.domain.follows import Follow, by_other, change, latest
from twooter.domain.graph import State

FOLLOWS = st.builds(
    Follow,
    follower_id=st.just(1),
    target_id=st.integers(2, 4),
    version=st.integers(1, 3),
    state=st.sampled_from(State),
    edge_id=st.just(9),
)


def follow(version: int, state: State) -> Follow:
    return Follow(1, 2, version, state, 9)


@given(st.lists(FOLLOWS), st.randoms(use_true_random=False))
def test_the_latest_is_the_latest_in_any_order_and_however_often(heard: list[Follow], rng: object) -> None:
    again = heard * 2
    rng.shuffle(again)  # type: ignore[attr-defined]  # hypothesis has no name for its type
    assert by_other(heard, of_target=False) == by_other(again, of_target=False)
    same = [one for one in heard if one.target_id == 2]
    assert latest(*same) == latest(*reversed(same)) == by_other(heard, of_target=False).get(2)


def test_a_version_goes_from_a_request_to_a_follow_to_its_end() -> None:
    steps = [
        follow(1, State.REQUESTED),
        follow(1, State.ACTIVE),
        follow(1, State.NONE),
        follow(2, State.REQUESTED),
        follow(3, State.ACTIVE),
    ]
    for earlier, later in pairwise(steps):
        assert later.outdoes(earlier)
        assert not earlier.outdoes(later)
        assert not earlier.outdoes(earlier)
    assert latest(None, None) is None


def test_only_what_becomes_active_or_is_it_no_more_is_counted() -> None:
    active, asked, ended = follow(2, State.ACTIVE), follow(1, State.REQUESTED), follow(3, State.NONE)
    assert [change(None, active), change(asked, active), change(active, active)] == [1, 1, 0]
    assert [change(active, ended), change(asked, ended), change(None, asked)] == [-1, 0, 0]
