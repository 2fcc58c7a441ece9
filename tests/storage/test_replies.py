"""Reply edges: whatever the order, the number of times and the number of workers, the last acknowledged state."""

import random
from collections.abc import Sequence
from functools import partial

import pytest

from tests.crowds import at_once
from twooter.domain.ids import ANONYMOUS_ID
from twooter.domain.twoots import Twoot
from twooter.storage import replies, twoots
from twooter.storage.database import Storage
from twooter.storage.replies import ReplyEdge

PARENTS = (1001, 1002, 1003)


@pytest.fixture
def parents(storage: Storage) -> None:
    """Write twoots to answer."""
    for id_ in PARENTS:
        storage.transact(lambda tx, id_=id_: twoots.insert(tx, Twoot(id_, ANONYMOUS_ID, "a question")))  # type: ignore[misc]  # a default binds the loop's variable


def edge(parent_id: int, reply_id: int, version: int, *, active: bool) -> ReplyEdge:
    return ReplyEdge(ANONYMOUS_ID, parent_id, reply_id, 7, version, active)


def apply(storage: Storage, edges: Sequence[ReplyEdge]) -> None:
    storage.transact(lambda tx: replies.apply(tx, edges))


def counts(storage: Storage) -> list[int]:
    found = storage.read(lambda tx: twoots.fetch(tx, [(ANONYMOUS_ID, id_) for id_ in PARENTS]))
    return [found[id_].replies for id_ in PARENTS]


def states(storage: Storage) -> list[tuple[int, int, int, bool]]:
    rows = storage.database.execute_sql(
        "SELECT parent_id, reply_id, version, active FROM twoot_replies"
    ).fetchall()
    return sorted((parent, reply, version, bool(active)) for parent, reply, version, active in rows)


def lives(rng: random.Random) -> list[ReplyEdge]:
    """Return every state of 40 replies: written, deleted, and for some written again."""
    return [
        edge(PARENTS[reply_id % 3], reply_id, version, active=version % 2 == 1)
        for reply_id in range(1, 41)
        for version in range(1, rng.randrange(2, 6))
    ]


def last(edges: Sequence[ReplyEdge]) -> list[tuple[int, int, int, bool]]:
    """Return the state that each reply must end in."""
    newest = {e.reply_id: e for e in sorted(edges, key=lambda e: e.version)}
    return sorted((e.parent_id, e.reply_id, e.version, e.active) for e in newest.values())


def wanted(edges: Sequence[ReplyEdge]) -> list[int]:
    """Return the number of replies that each parent must end with."""
    return [sum(active for parent, _, _, active in last(edges) if parent == id_) for id_ in PARENTS]


def test_a_reply_counts_until_it_goes(storage: Storage, parents: None) -> None:
    apply(storage, [edge(PARENTS[0], 1, 1, active=True), edge(PARENTS[0], 2, 1, active=True)])
    assert counts(storage) == [2, 0, 0]
    apply(storage, [edge(PARENTS[0], 1, 2, active=False)])
    assert counts(storage) == [1, 0, 0]
    assert states(storage) == [(PARENTS[0], 1, 2, False), (PARENTS[0], 2, 1, True)]


def test_a_reply_that_went_before_it_came_stays_gone(storage: Storage, parents: None) -> None:
    apply(storage, [edge(PARENTS[0], 1, 2, active=False)])
    apply(storage, [edge(PARENTS[0], 1, 1, active=True)])
    assert (counts(storage), states(storage)) == ([0, 0, 0], [(PARENTS[0], 1, 2, False)])


def test_of_several_states_in_one_batch_the_newest_holds(storage: Storage, parents: None) -> None:
    came, went = edge(PARENTS[0], 1, 1, active=True), edge(PARENTS[0], 1, 2, active=False)
    apply(storage, [went, came])
    assert counts(storage) == [0, 0, 0]
    apply(storage, [edge(PARENTS[0], 1, 3, active=True), came, went])
    assert counts(storage) == [1, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_repetition_ends_in_the_last_state(storage: Storage, parents: None, seed: int) -> None:
    rng = random.Random(seed)
    edges = lives(rng)
    for _ in range(3):
        rng.shuffle(edges)
        at = 0
        while at < len(edges):
            size = rng.randrange(1, 30)
            apply(storage, edges[at : at + size])
            at += size
    assert states(storage) == last(edges)
    assert counts(storage) == wanted(edges)


def test_workers_at_once_with_the_same_edges_count_each_change_once(storage: Storage, parents: None) -> None:
    rng = random.Random(7)
    edges = lives(rng)

    def worker(seed: int) -> None:
        mine, own = edges.copy(), random.Random(seed)
        own.shuffle(mine)
        for at in range(0, len(mine), 20):
            apply(storage, mine[at : at + 20])

    found = at_once(storage, [partial(worker, seed) for seed in range(4)])
    assert not any(found), found
    assert states(storage) == last(edges)
    assert counts(storage) == wanted(edges)


def test_an_edge_of_a_parent_that_has_gone_is_kept_and_counts_nowhere(
    storage: Storage, parents: None
) -> None:
    apply(storage, [edge(9999, 1, 1, active=True)])
    assert (counts(storage), states(storage)) == ([0, 0, 0], [(9999, 1, 1, True)])
