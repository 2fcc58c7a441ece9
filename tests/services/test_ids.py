"""Ids: no two processes ever make the same, whatever happens to leases, clocks and processes."""

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from twooter.domain import ids as rules
from twooter.errors import Unavailable
from twooter.services import ids as module
from twooter.services.ids import LEASE_MS, MARGIN_MS, Ids
from twooter.settings import Settings
from twooter.storage.database import Session, Storage

Make = Callable[[], Ids]


@dataclass
class Clocks:
    """The database's clock and this machine's monotonic one, set by the test."""

    database_ms: int = 1_800_000_000_000
    seconds: float = 1000.0

    def pass_ms(self, ms: int) -> None:
        """Let time go by on both."""
        self.database_ms += ms
        self.seconds += ms / 1000

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(Session, "now_ms", lambda _: made.database_ms)
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    """Return what makes `Ids` with a connection of their own, as another process has them."""
    opened: list[Storage] = []

    def new() -> Ids:
        opened.append(Storage.open(settings))
        return Ids(opened[-1])

    yield new
    for storage in opened:
        storage.close()


def node(id_: int) -> int:
    return id_ >> 12 & 1023


def away(ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the database away from these ids alone."""

    def refuse(_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(ids._storage, "transact", refuse)


def test_processes_at_once_never_share_a_node_or_an_id(make: Make) -> None:
    ids, count = make(), 500

    def child() -> list[int]:
        made = [ids.make() for _ in range(count)]
        ids._storage.close()
        return made

    children = [in_child(child) for _ in range(6)]
    found = [read() for read in children]
    assert len({node(made[0]) for made in found}) == 6
    assert len({id_ for made in found for id_ in made}) == 6 * count


def in_child(work: Callable[[], list[int]]) -> Callable[[], list[int]]:
    """Run the work in a forked child; return what waits for its result."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, pickle.dumps(work()))
        finally:
            os._exit(0)
    os.close(writing)

    def result() -> list[int]:
        with os.fdopen(reading, "rb") as pipe:
            content = pipe.read()
        os.waitpid(pid, 0)
        made: list[int] = pickle.loads(content)  # noqa: S301 - our own child wrote it
        return made

    return result


def test_a_forked_child_takes_a_node_of_its_own(make: Make) -> None:
    ids = make()
    mine = ids.make()
    theirs = in_child(lambda: [ids.make()])()[0]
    assert node(theirs) != node(mine)
    assert node(ids.make()) == node(mine)


def test_threads_share_one_lease_and_never_an_id(make: Make) -> None:
    ids, start = make(), threading.Barrier(8)

    def work() -> list[int]:
        start.wait(30)
        made = [ids.make() for _ in range(1000)]
        ids._storage.close()
        return made

    with ThreadPoolExecutor(8) as pool:
        found = [id_ for future in [pool.submit(work) for _ in range(8)] for id_ in future.result()]
    assert len(set(found)) == 8000
    assert len({node(id_) for id_ in found}) == 1


def test_ids_are_of_the_databases_time(make: Make, clocks: Clocks) -> None:
    ids = make()
    assert rules.time_ms(ids.make()) == clocks.database_ms
    clocks.pass_ms(1234)
    assert rules.time_ms(ids.make()) == ids.now_ms() == clocks.database_ms


def test_a_lease_that_took_long_puts_no_clock_ahead(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It connects and waits for others; a process ahead of another one would put an answer above a question."""
    ids = make()
    transact = ids._storage.transact

    def late(work: Callable[[Session], Any]) -> Any:
        clocks.pass_ms(700)
        return transact(work)

    monkeypatch.setattr(ids._storage, "transact", late)
    assert rules.time_ms(ids.make()) == clocks.database_ms
    clocks.pass_ms(20_000)
    ids.renew()
    assert ids.now_ms() == clocks.database_ms


def test_of_a_few_looks_at_the_databases_clock_the_quickest_counts(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_ms = iter([0, 300, 40, 9, 80, 500])  # the first is the lease's own

    def now_ms(_: Session) -> int:
        clocks.pass_ms(next(late_ms))
        return clocks.database_ms

    monkeypatch.setattr(Session, "now_ms", now_ms)
    assert make().now_ms() - clocks.database_ms == 9
    assert next(late_ms, None) is None


def test_nothing_is_issued_in_the_last_ten_seconds_of_a_lease(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make()
    ids.make()
    away(ids, monkeypatch)
    clocks.pass_ms(LEASE_MS - MARGIN_MS - 1)
    ids.make()
    clocks.pass_ms(1)
    with pytest.raises(Unavailable):
        ids.make()
    with pytest.raises(Unavailable):
        ids.now_ms()


def test_a_renewed_lease_goes_on(make: Make, clocks: Clocks) -> None:
    ids = make()
    first = ids.make()
    for _ in range(10):
        clocks.pass_ms(20_000)
        ids.renew()
        assert node(ids.make()) == node(first)


def test_a_renewal_that_fails_leaves_the_lease_as_it_is(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make()
    ids.make()
    with monkeypatch.context() as patch:
        away(ids, patch)
        ids.renew()
    assert ids.make() > 0


def test_a_process_ends_although_its_node_cannot_be_given_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make()
    ids.make()
    with monkeypatch.context() as patch:
        away(ids, patch)
        ids.release()
    assert node(ids.make()) >= 0


def test_a_lost_lease_is_given_up_and_another_taken(make: Make, clocks: Clocks) -> None:
    ids, others = make(), make()
    mine = ids.make()
    clocks.database_ms += LEASE_MS + 1  # this process stood still: only the others saw time go by
    theirs = others.make()
    assert node(theirs) == node(mine)
    assert ids.make() < theirs  # still of the lease's own time
    ids.renew()
    assert node(ids.make()) != node(theirs)


def test_without_a_database_a_lost_lease_is_unavailable(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make()
    ids.make()
    clocks.database_ms += LEASE_MS + 1
    ids.renew()
    away(ids, monkeypatch)
    with pytest.raises(Unavailable):
        ids.make()


def test_the_next_holder_begins_above_the_formers_lease(make: Make, clocks: Clocks) -> None:
    killed = make()
    last = [killed.make() for _ in range(10)][-1]
    until_ms = clocks.database_ms + LEASE_MS
    clocks.pass_ms(LEASE_MS)
    assert node(make().make()) != node(last)  # it ends only after its last millisecond
    clocks.pass_ms(1)
    following = make().make()
    assert node(following) == node(last)
    assert rules.time_ms(following) > until_ms


def test_a_node_given_back_is_free_at_once_above_its_last_id(make: Make, clocks: Clocks) -> None:
    ids = make()
    last = [ids.make() for _ in range(5000)][-1]  # more than a millisecond holds: the next one is borrowed
    ids.release()
    clocks.pass_ms(2)
    following = make().make()
    assert node(following) == node(last)
    assert following > last


def test_an_id_made_while_the_node_is_given_back_is_not_used(make: Make, clocks: Clocks) -> None:
    ids = make()
    ids.make()
    held = ids._held
    assert held is not None
    made = held.generator.make

    def release_then_make(*, above: int = 0) -> int:
        ids.release()
        return made(above=above)

    held.generator.make = release_then_make  # type: ignore[method-assign]  # a thread that stops at the worst moment
    with pytest.raises(Unavailable):
        ids.make()


@pytest.mark.parametrize("step_ms", [5_000, 3_600_000])
def test_a_database_clock_that_steps_back_never_repeats_an_id(
    make: Make, clocks: Clocks, step_ms: int
) -> None:
    ids = make()
    made = [ids.make()]
    clocks.pass_ms(15_000)
    made.append(ids.make())
    clocks.database_ms -= step_ms
    for _ in range(10):
        ids.renew()
        made += [ids.make() for _ in range(100)]
        clocks.pass_ms(20_000)
    assert made == sorted(set(made))
    assert len({node(id_) for id_ in made}) == 1


def test_a_holder_killed_after_the_clock_stepped_back_leaves_no_id_to_repeat(
    make: Make, clocks: Clocks
) -> None:
    killed = make()
    killed.make()
    clocks.pass_ms(15_000)
    last = killed.make()
    clocks.database_ms -= 100_000
    killed.renew()
    clocks.database_ms += 80_000  # past the lease, had the renewal made it shorter
    for _ in range(3):
        following = make().make()
        assert node(following) != node(last) or following > last


def test_a_clock_that_steps_forward_lets_no_two_holders_meet(make: Make, clocks: Clocks) -> None:
    ids = make()
    mine = {ids.make() for _ in range(100)}
    clocks.database_ms += 3_600_000
    others = make()
    theirs = {others.make() for _ in range(100)}
    mine |= {ids.make() for _ in range(100)}
    assert not mine & theirs


def test_more_ids_than_a_millisecond_holds_borrow_from_the_next_ones_but_not_for_ever(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MARGIN_MS", LEASE_MS - 3)
    monkeypatch.setattr(rules, "SEQUENCES", 4)
    ids = make()
    with pytest.raises(Unavailable):
        [ids.make() for _ in range(100)]
    clocks.pass_ms(2)
    ids.renew()
    assert rules.time_ms(ids.make()) > clocks.database_ms


def test_the_real_clock_is_near_this_machines(make: Make) -> None:
    assert abs(make().now_ms() - time.time() * 1000) < 5_000
