"""Edges of each kind: whatever the order, repetition and number of workers, the last acknowledged state."""

import random
from collections.abc import Sequence
from functools import partial

import pytest

from tests.crowds import at_once
from twooter.domain.ids import ANONYMOUS_ID
from twooter.domain.twoots import Twoot
from twooter.storage import edges as rows
from twooter.storage import twoots
from twooter.storage.database import Storage
from twooter.storage.edges import SIDES, Edge, EdgeKind

PARENTS = (1001, 1002, 1003)
State = tuple[int, int, int, bool]
"""Twoot, what the edge comes from, version, active."""


@pytest.fixture
def parents(storage: Storage) -> None:
    """Write twoots to answer, quote, like and retwoot."""
    for id_ in PARENTS:
        storage.transact(lambda tx, id_=id_: twoots.insert(tx, Twoot(id_, ANONYMOUS_ID, "a question")))  # type: ignore[misc]  # a default binds the loop's variable


@pytest.fixture(params=EdgeKind)
def kind(request: pytest.FixtureRequest) -> EdgeKind:
    """Return each kind of edges in turn."""
    return EdgeKind(request.param)


def edge(kind: EdgeKind, parent_id: int, by_id: int, version: int, *, active: bool) -> Edge:
    return Edge(kind, ANONYMOUS_ID, parent_id, by_id, 7 + version, version, active)


def apply(storage: Storage, edges: Sequence[Edge]) -> None:
    storage.transact(lambda tx: rows.apply(tx, edges))


def counts(storage: Storage, kind: EdgeKind) -> list[int]:
    found = storage.read(lambda tx: twoots.fetch(tx, [(ANONYMOUS_ID, id_) for id_ in PARENTS]))
    return [int(getattr(found[id_], SIDES[kind].counter)) for id_ in PARENTS]


def states(storage: Storage, kind: EdgeKind) -> list[State]:
    side = SIDES[kind]
    only = "" if side.action is None else f" WHERE kind = {int(side.action)}"
    found = storage.database.execute_sql(
        f"SELECT {side.twoot}, {side.by}, version, active, {side.beside} FROM {side.table._meta.table_name}{only}"  # noqa: S608 - names of our own tables
    ).fetchall()
    assert all(row[4] == 7 + row[2] for row in found), "what stands beside is of the same version"
    return sorted((row[0], row[1], row[2], bool(row[3])) for row in found)


def lives(rng: random.Random, *kinds: EdgeKind) -> list[Edge]:
    """Return every state of 40 edges: made, taken back, and for some made again."""
    return [
        edge(kind, PARENTS[by_id % 3], by_id, version, active=version % 2 == 1)
        for kind in kinds
        for by_id in range(1, 41)
        for version in range(1, rng.randrange(2, 6))
    ]


def last(edges: Sequence[Edge], kind: EdgeKind) -> list[State]:
    """Return the state that each edge must end in."""
    newest = {e.by_id: e for e in sorted(edges, key=lambda e: e.version) if e.kind is kind}
    return sorted((e.twoot_id, e.by_id, e.version, e.active) for e in newest.values())


def assert_last(storage: Storage, edges: Sequence[Edge]) -> None:
    """Assert that each edge has come to its last state, and each counter says how many there are."""
    for kind in {e.kind for e in edges}:
        wanted = last(edges, kind)
        assert states(storage, kind) == wanted
        active = [sum(a for parent, _, _, a in wanted if parent == id_) for id_ in PARENTS]
        assert counts(storage, kind) == active


def test_an_edge_counts_until_it_goes(storage: Storage, parents: None, kind: EdgeKind) -> None:
    apply(storage, [edge(kind, PARENTS[0], 1, 1, active=True), edge(kind, PARENTS[0], 2, 1, active=True)])
    assert counts(storage, kind) == [2, 0, 0]
    apply(storage, [edge(kind, PARENTS[0], 1, 2, active=False)])
    assert counts(storage, kind) == [1, 0, 0]
    assert states(storage, kind) == [(PARENTS[0], 1, 2, False), (PARENTS[0], 2, 1, True)]


def test_an_edge_that_went_before_it_came_stays_gone(storage: Storage, parents: None, kind: EdgeKind) -> None:
    apply(storage, [edge(kind, PARENTS[0], 1, 2, active=False)])
    apply(storage, [edge(kind, PARENTS[0], 1, 1, active=True)])
    assert (counts(storage, kind), states(storage, kind)) == ([0, 0, 0], [(PARENTS[0], 1, 2, False)])


def test_of_several_states_in_one_batch_the_newest_holds(
    storage: Storage, parents: None, kind: EdgeKind
) -> None:
    came, went = edge(kind, PARENTS[0], 1, 1, active=True), edge(kind, PARENTS[0], 1, 2, active=False)
    apply(storage, [went, came])
    assert counts(storage, kind) == [0, 0, 0]
    apply(storage, [edge(kind, PARENTS[0], 1, 3, active=True), came, went])
    assert counts(storage, kind) == [1, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_repetition_ends_in_the_last_state(storage: Storage, parents: None, seed: int) -> None:
    rng = random.Random(seed)
    edges = lives(rng, *EdgeKind)
    for _ in range(3):
        rng.shuffle(edges)
        at = 0
        while at < len(edges):
            size = rng.randrange(1, 60)
            apply(storage, edges[at : at + size])
            at += size
    assert_last(storage, edges)


def test_workers_at_once_with_the_same_edges_count_each_change_once(storage: Storage, parents: None) -> None:
    edges = lives(random.Random(7), EdgeKind.REPLY, EdgeKind.LIKE)

    def worker(seed: int) -> None:
        mine, own = edges.copy(), random.Random(seed)
        own.shuffle(mine)
        for at in range(0, len(mine), 20):
            apply(storage, mine[at : at + 20])

    found = at_once(storage, [partial(worker, seed) for seed in range(4)])
    assert not any(found), found
    assert_last(storage, edges)


def test_an_edge_of_a_twoot_that_has_gone_is_kept_and_counts_nowhere(
    storage: Storage, parents: None, kind: EdgeKind
) -> None:
    apply(storage, [edge(kind, 9999, 1, 1, active=True)])
    assert (counts(storage, kind), states(storage, kind)) == ([0, 0, 0], [(9999, 1, 1, True)])


def test_one_kind_of_edges_is_not_another(storage: Storage, parents: None) -> None:
    apply(storage, [edge(kind, PARENTS[0], 1, 1, active=True) for kind in EdgeKind])
    apply(storage, [edge(EdgeKind.LIKE, PARENTS[0], 1, 2, active=False)])
    assert [counts(storage, kind)[0] for kind in EdgeKind] == [1, 1, 0, 1]
