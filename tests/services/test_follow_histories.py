"""Histories of follows, blocks and answers, delivered late, thrice and shuffled, against a model in plain Python."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from tests.crowds import at_once
from tests.services.conftest import SignIn
from tests.services.happenings import rows
from twooter.domain.accounts import Viewer
from twooter.errors import Conflict, NotFound
from twooter.services.house import Services
from twooter.storage.outbox import Delivery
from twooter.storage.tables import Accounts, Blocks, Followers, Following

Drain = Callable[[], None]
Pair = tuple[int, int]


class Model:
    """What is acknowledged last holds at once: follows by state, blocks, who is protected."""

    def __init__(self) -> None:
        self.states: dict[Pair, str] = {}
        self.blocks: set[Pair] = set()
        self.protected: set[int] = set()

    def follow(self, one: int, other: int) -> type[Exception] | None:
        if (other, one) in self.blocks:
            return NotFound
        if (one, other) in self.blocks:
            return Conflict
        if self.states.get((one, other)) != "active":
            self.states[one, other] = "requested" if other in self.protected else "active"
        return None

    def unfollow(self, one: int, other: int) -> None:
        self.states.pop((one, other), None)

    def block(self, one: int, other: int) -> None:
        self.blocks.add((one, other))
        self.unfollow(one, other)
        self.unfollow(other, one)

    def unblock(self, one: int, other: int) -> None:
        self.blocks.discard((one, other))

    def remove_follower(self, one: int, other: int) -> None:
        self.unfollow(other, one)

    def approve(self, one: int, other: int) -> type[Exception] | None:
        if (other, one) not in self.states:
            return NotFound
        self.states[other, one] = "active"
        return None

    def refuse(self, one: int, other: int) -> None:
        if self.states.get((other, one)) == "requested":
            self.unfollow(other, one)


def actions(services: Services) -> dict[str, Callable[[Viewer, int], None]]:
    return {
        "follow": services.follows.follow,
        "unfollow": services.follows.unfollow,
        "block": services.blocks.block,
        "unblock": services.blocks.unblock,
        "remove_follower": services.follow_requests.remove_follower,
        "approve": services.follow_requests.approve,
        "refuse": services.follow_requests.refuse,
    }


def act(services: Services, model: Model, people: list[Viewer], rng: random.Random) -> None:
    """Do something at random, and let the model do it too."""
    one, other = rng.sample(people, 2)
    if rng.random() < 0.1:
        protected = one.account_id not in model.protected
        services.accounts.change_profile(one, display_name=None, bio=None, protected=protected)
        (model.protected.add if protected else model.protected.discard)(one.account_id)
        return
    names = [*actions(services), "follow", "follow", "approve", "unblock"]
    name = rng.choice(names)
    expected = getattr(model, name)(one.account_id, other.account_id)
    if expected is None:
        actions(services)[name](one, other.account_id)
    else:
        with pytest.raises(expected):
            actions(services)[name](one, other.account_id)


def deliver(services: Services, waiting: list[Delivery], rng: random.Random) -> None:
    """Seal what waits, and bring some of what was sealed, some of it again."""
    for _, deliveries in iter(services.outboxes.seal, (0, [])):
        waiting.extend(d for d in deliveries if d.consumer == "follows")
    rng.shuffle(waiting)
    for delivery in waiting[: len(waiting) // 2]:
        services.batches.run(delivery.consumer, delivery.batch_id)


def held(services: Services, table: type[Following | Followers], other: str) -> dict[Pair, str]:
    """Return the follows one side knows, by follower and target."""
    found = rows(services, table, "account_id", other, "state")
    turned = other == "follower_id"
    return {(b, a) if turned else (a, b): state for a, b, state in found if state != "none"}


def assert_is(services: Services, states: dict[Pair, str]) -> None:
    """Both sides say this, and it is what is counted."""
    assert held(services, Following, "target_id") == states
    assert held(services, Followers, "follower_id") == states
    active = [pair for pair, state in states.items() if state == "active"]
    following, followers = Counter(pair[0] for pair in active), Counter(pair[1] for pair in active)
    for id_, follows, followed in rows(services, Accounts, "id", "following", "followers"):
        assert (follows, followed) == (following[id_], followers[id_])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_and_however_it_arrives_the_last_word_holds(
    services: Services, join: SignIn, drain: Drain, seed: int
) -> None:
    rng, model = random.Random(seed), Model()
    people = [join(name) for name in ("ada", "bob", "cho")]
    waiting: list[Delivery] = []
    for number in range(150):
        act(services, model, people, rng)
        if rng.random() < 0.3:
            deliver(services, waiting, rng)
        if number % 50 == 0:
            assert not services.audits.audit().rows
    for _ in range(3):
        drain()
        for delivery in waiting:
            services.batches.run(delivery.consumer, delivery.batch_id)
    assert_is(services, model.states)
    assert set(rows(services, Blocks, "account_id", "target_id")) == model.blocks
    assert not services.audits.audit().rows


@pytest.mark.parametrize("seed", range(2))
def test_a_storm_of_twenty_between_two_ends_in_one_state_and_counts_what_is_there(
    services: Services, join: SignIn, drain: Drain, seed: int
) -> None:
    people = [join("ada"), join("bob")]

    def storm(number: int) -> Callable[[], int]:
        rng = random.Random(seed * 100 + number)

        def run() -> int:
            done = 0
            for _ in range(50):
                one, other = rng.sample(people, 2)
                name = rng.choice(["follow", "unfollow", "follow", "block", "unblock", "remove_follower"])
                try:
                    actions(services)[name](one, other.account_id)
                    done += 1
                except (NotFound, Conflict):
                    pass
            if number % 5 == 0:
                _, deliveries = services.outboxes.seal()
                for delivery in deliveries:
                    services.batches.run(delivery.consumer, delivery.batch_id)
            return done

        return run

    found = at_once(services.storage, [storm(number) for number in range(20)])
    assert all(isinstance(done, int) and done for done in found), found
    drain()
    states = held(services, Following, "target_id")
    assert_is(services, states)
    assert not services.audits.audit().rows
    for name in ("unblock", "follow"):
        for one, other in permutations(people, 2):
            actions(services)[name](one, other.account_id)
    services.follows.unfollow(people[0], people[1].account_id)
    drain()
    assert_is(services, {(people[1].account_id, people[0].account_id): "active"})


def test_a_request_that_is_approved_by_many_at_once_counts_once(
    services: Services, join: SignIn, drain: Drain
) -> None:
    ada, bob = join("ada"), join("bob")
    services.accounts.change_profile(bob, display_name=None, bio=None, protected=True)
    services.follows.follow(ada, bob.account_id)
    drain()
    found = at_once(services.storage, [lambda: services.follow_requests.approve(bob, ada.account_id)] * 8)
    assert found == [None] * 8
    drain()
    assert_is(services, {(ada.account_id, bob.account_id): "active"})


@pytest.fixture
def broken(services: Services, join: SignIn, drain: Drain) -> Iterator[list[Viewer]]:
    """Let three follow each other, and see afterwards that a repair mends whatever a test has done to that."""
    people = [join(name) for name in ("ada", "bob", "cho")]
    for one, other in permutations(people, 2):
        services.follows.follow(one, other.account_id)
    drain()
    yield people
    before = services.audits.audit().rows
    assert before
    assert services.repairs.repair().rows == before
    drain()
    assert not services.audits.audit().rows
    assert_is(services, held(services, Following, "target_id"))


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("UPDATE accounts SET followers = followers + 3, following = following - 2", 6),
        ("DELETE FROM followers WHERE follower_id > account_id", 6),
        ("DELETE FROM following WHERE target_id > account_id", 3),
        ("UPDATE followers SET state = 'none' WHERE follower_id > account_id", 3),
        ("UPDATE following SET state = 'none', version = 1 WHERE target_id > account_id", 3),
        ("UPDATE followers SET version = 7 WHERE follower_id > account_id", None),
        ("UPDATE followers SET version = 7, state = 'requested' WHERE follower_id > account_id", 6),
    ],
)
def test_whatever_is_broken_is_found_and_mended(
    services: Services, broken: list[Viewer], sql: str, left: int | None
) -> None:
    services.storage.database.execute_sql(sql)
    if left is None:  # both say the same, in other words: nobody can tell
        services.storage.database.execute_sql("UPDATE accounts SET followers = 0")
    else:
        services.repairs.repair()
        assert len(held(services, Following, "target_id")) == left
        services.storage.database.execute_sql("UPDATE accounts SET following = following + 1")


def test_a_deleted_account_takes_its_follows_back_and_leaves_nothing(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.services.partings.STEP", 2)
    people = [join(name) for name in ("ada", "bob", "cho", "dee", "eve")]
    gone, *others = people
    for other in others:
        services.follows.follow(gone, other.account_id)
        services.follows.follow(other, gone.account_id)
        services.relationships.note(gone, other.account_id, "!")
        services.relationships.mute(gone, other.account_id, seconds=None)
    services.blocks.block(gone, others[-1].account_id)
    services.accounts.change_profile(others[0], display_name=None, bio=None, protected=True)
    drain()
    services.follows.unfollow(others[0], gone.account_id)
    services.follows.follow(others[0], gone.account_id)  # on its way while the account goes
    services.deletions.request(gone)
    assert not services.audits.audit().rows
    drain()
    assert_is(services, {})
    for table in ("following", "followers", "blocks", "mutes", "account_notes", "suggestions"):
        found = services.storage.database.execute_sql(f"SELECT account_id FROM {table}").fetchall()  # noqa: S608 - names from above
        assert gone.account_id not in {row[0] for row in found}, table
    assert not services.audits.audit().rows
