"""Deliveries of notices: in any order and number, at several workers at once, a few statements for a batch."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.crowds import at_once
from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.worlds import World
from twooter.domain.events import (
    Event,
    appeared,
    edited,
    gone,
)
from twooter.domain.notifications import Kind, Notice
from twooter.domain.twoots import Twoot
from twooter.services.house import Services
from twooter.services.notices import Notices
from twooter.storage import notifications
from twooter.storage.tables import Notifications


@pytest.fixture
def world(services: Services, join: SignIn) -> World:
    """Sign in three people."""
    return World(services, {name: join(name) for name in ("ada", "bob", "cho")})


def test_ids_are_above_every_mark(world: World) -> None:
    """Also where another process, whose clock is ahead, has made the newest one."""
    twoot, storage = world.write("ada", "?"), world.services.storage
    world.deliver(world.like("bob", twoot))
    ahead = world.ids("ada")[0] + (60_000 << 22)
    with storage.database.bind_ctx([Notifications]):
        Notifications.update(id=ahead).execute()
    world.services.notifications.mark_read(world.people["ada"], ahead)
    world.deliver(world.like("cho", twoot), world.follow("cho", "ada"))
    newest = world.ids("ada")
    assert newest == sorted(set(newest), reverse=True)
    assert newest[1] > ahead == newest[2]
    assert world.services.notifications.unread(world.people["ada"]).count == 2


def test_a_batch_costs_the_same_few_statements(world: World) -> None:
    first = world.write("ada", "?")

    def statements(number: int) -> list[str]:
        told: list[Event] = [
            appeared(world.write("bob", "@cho", reply_to=first.id), ()) for _ in range(number)
        ]
        told += [world.follow("cho", "bob", version=number), world.like("cho", first, number)]
        with recorded(world.services.storage) as names:
            world.deliver(*told)
        return names

    few, many = statements(2), statements(40)
    assert few == many
    assert len(many) == 7, many


def test_a_batch_is_listed_in_the_order_in_which_it_happened(world: World) -> None:
    twoot = world.write("ada", "?")
    told: list[Event] = [
        world.follow("cho", "ada"),
        appeared(world.write("cho", "@ada"), ()),
        world.like("cho", twoot),
        appeared(world.write("bob", "!", reply_to=twoot.id), ()),
        world.like("bob", twoot),
        world.follow("bob", "ada"),
    ]
    world.deliver(*told)
    kinds = [Kind.FOLLOW, Kind.MENTION, Kind.LIKE, Kind.REPLY, Kind.LIKE, Kind.FOLLOW]
    assert [kind for kind, _ in world.told("ada")] == kinds[::-1]


@pytest.mark.parametrize("is_sharded", [False, True])
def test_the_two_notices_of_a_follow_are_never_parted(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    is_sharded: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    monkeypatch.setattr("twooter.services.notices._STEP", 1)
    notices = Notices(world.services.storage, world.services.ids, is_sharded=is_sharded)
    told = [world.follow(one, "ada", "requested") for one in ("bob", "cho")]
    world.deliver(*told, notices=notices)
    known = world.ids("ada")
    world.deliver(*(world.answer("ada", one, "active") for one in ("cho", "bob")), notices=notices)
    assert [kind for kind, _ in world.told("ada")] == [Kind.FOLLOW] * 2
    assert world.ids("ada") == known


def test_on_a_sharded_database_each_account_has_a_transaction_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    twoots = {name: world.write(name, "?") for name in world.people}
    told = [world.like(one, twoots[other]) for one in world.people for other in world.people]
    touched: list[set[int]] = []
    real = notifications.apply

    def apply(tx: object, notices: list[Notice], make_id: object) -> None:
        touched.append({notice.key.account_id for notice in notices})
        real(tx, notices, make_id)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(notifications, "apply", apply)
    sharded = Notices(world.services.storage, world.services.ids, is_sharded=True)
    world.deliver(*told, notices=sharded)
    assert sorted(map(len, touched)) == [1, 1, 1]
    assert {name: len(rows) for name, rows in world.everything().items()} == dict.fromkeys(world.people, 2)


NAMES = st.sampled_from(["ada", "bob", "cho"])
ACTS = st.lists(
    st.tuples(st.sampled_from(["write", "edit", "delete", "like", "follow", "ask"]), NAMES, NAMES),
    max_size=14,
)


@examples(
    max_examples=15,
    deadline=None,
    # each example clears what the one before has left
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS, rng=st.randoms(use_true_random=False))
def test_delivered_three_times_and_shuffled_it_is_the_same(
    world: World, acts: list[tuple[str, str, str]], rng: random.Random
) -> None:
    """What is stored in the end follows from what happened, not from how it was told."""
    told = list(happenings(world, acts, rng))
    world.forget()
    world.deliver(*told)
    in_order = world.everything()
    world.forget()
    shuffled = told * 3
    rng.shuffle(shuffled)
    for at in range(0, len(shuffled), 4):
        world.deliver(*shuffled[at : at + 4])
    assert world.everything() == in_order


def happenings(world: World, acts: list[tuple[str, str, str]], rng: random.Random) -> list[Event]:
    """Do things and return their events in the order in which they happened."""
    told: list[Event] = []
    written: list[Twoot] = []
    versions = Counter[tuple[str, ...]]()
    for what, one, other in acts:
        known = rng.choice(written) if written else None
        if what == "write":
            spoken_of = {} if known is None else {rng.choice(["reply_to", "quote_of"]): known.id}
            written.append(world.write(one, f"@{other}", **spoken_of))
            told.append(appeared(written[-1], ()))
        elif what in ("follow", "ask"):
            key = ("", one, other)
            versions[key] += 1
            state = rng.choice(["requested", "active", "none"])
            told.append(world.follow(one, other, state, versions[key]))
            if state == "requested" and what == "ask":
                told.append(world.answer(other, one, rng.choice(["active", "none"]), versions[key]))
        elif known is not None and what == "like":
            version = versions[str(known.id), one] = versions[str(known.id), one] + 1
            told.append(world.like(one, known, version, active=version % 2 == 1))
        elif known is not None and what == "edit":
            changed = world.edit(known, f"@{one} @{other}")
            written[written.index(known)] = changed
            told.append(edited(known, changed, (), ()))
        elif known is not None:
            written.remove(known)
            world.services.twoots.remove(known)
            told.append(gone(known, ()))
    return told


def test_workers_at_once_end_right(world: World) -> None:
    """The same batches at several workers, in other orders, beside a reader who marks: ids stay apart and above."""
    twoots = [world.write("ada", f"{number} @bob") for number in range(6)]
    told: list[Event] = [appeared(twoot, ()) for twoot in twoots]
    told += [
        world.like(one, twoot, version, active=version != 2)
        for twoot in twoots
        for one in ("bob", "cho")
        for version in (1, 2, 3)
    ]
    told += [world.follow("cho", "ada", "requested"), world.answer("ada", "cho", "active")]

    def work(seed: int) -> None:
        mixed = random.Random(seed).sample(told, len(told))
        for at in range(0, len(mixed), 9):
            world.deliver(*mixed[at : at + 9])

    def read() -> None:
        for _ in range(20):
            world.services.notifications.mark_read(world.people["ada"], 2**63 - 1)
            world.services.notifications.unread(world.people["ada"])

    works: list[Callable[[], None]] = [*(partial(work, seed) for seed in range(4)), read]
    done = at_once(world.services.storage, works)
    assert done == [None] * 5
    found = world.everything()
    assert found["ada"] == sorted([(Kind.LIKE, "bob"), (Kind.LIKE, "cho")] * 6 + [(Kind.FOLLOW, "cho")])
    assert found["bob"] == [(Kind.MENTION, "ada")] * 6
    ids = world.ids("ada")
    assert len(set(ids)) == len(ids)
