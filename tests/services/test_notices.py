"""Notices: every event tells whom it concerns, once, however it is delivered; and nobody who does not want to hear."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.crowds import at_once
from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain import actions
from twooter.domain.accounts import Viewer
from twooter.domain.events import (
    ActionEvent,
    Envelope,
    Event,
    FollowAnswerEvent,
    FollowEvent,
    appeared,
    edited,
    gone,
)
from twooter.domain.notifications import Kind, Noted, Notice
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Twoot, Visibility
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.services.notices import Notices
from twooter.storage import muted_threads, notifications
from twooter.storage.tables import Blocks, Mutes, Notifications


class World:
    """Three people, what they write, and the consumer of events about it."""

    def __init__(self, services: Services, people: dict[str, Viewer]) -> None:
        self.services, self.people = services, people
        self.notices = Notices(services.storage, services.ids)
        self._names = {viewer.account_id: name for name, viewer in people.items()}

    def id(self, name: str) -> int:
        return self.people[name].account_id

    def write(self, name: str, text: str, **options: object) -> Twoot:
        draft = replace(Draft(text), **options)  # type: ignore[arg-type]  # a Draft's own fields
        return self.services.twoots.publish(self.people[name], draft).twoot

    def deliver(self, *told: Event, notices: Notices | None = None) -> None:
        (notices or self.notices).handle([Envelope(event, 0, None) for event in told])

    def act(self, name: str, kind: actions.Kind, twoot: Twoot, *, version: int, active: bool) -> ActionEvent:
        edge_id = self.services.ids.make()
        return ActionEvent(
            self.id(name), int(kind), twoot.id, twoot.author_id, version, active, edge_id, "public"
        )

    def like(self, name: str, twoot: Twoot, version: int = 1, *, active: bool = True) -> ActionEvent:
        return self.act(name, actions.Kind.LIKE, twoot, version=version, active=active)

    def follow(self, name: str, target: str, state: str = "active", version: int = 1) -> FollowEvent:
        return FollowEvent(self.id(name), self.id(target), version, state, self.services.ids.make())

    def answer(self, name: str, follower: str, state: str, version: int = 1) -> FollowAnswerEvent:
        return FollowAnswerEvent(self.id(name), self.id(follower), version, state, 1)

    def put(self, table: type[Blocks] | type[Mutes], **columns: object) -> None:
        with self.services.storage.database.bind_ctx([table]):
            table.insert(edge_id=1, **columns).execute()

    def edit(self, twoot: Twoot, text: str) -> Twoot:
        author = next(v for v in self.people.values() if v.account_id == twoot.author_id)
        return self.services.edits.edit(author, twoot.id, Change(text)).twoot

    def forget(self) -> None:
        with self.services.storage.database.bind_ctx([Notifications]):
            Notifications.delete().execute()

    def ids(self, name: str) -> list[int]:
        """Return the ids of what is told to somebody, newest first."""
        return [noted.id for noted in self._noted(name)]

    def told(self, name: str) -> list[tuple[Kind, str]]:
        """Return what is stored as told to somebody, newest first."""
        return [(noted.key.kind, self._names[noted.key.actor_id]) for noted in self._noted(name)]

    def _noted(self, name: str) -> list[Noted]:
        page, account_id = Page(limit=100), self.id(name)
        return self.services.storage.read(lambda tx: notifications.fetch(tx, account_id, [], page))

    def everything(self) -> dict[str, list[tuple[Kind, str]]]:
        return {name: sorted(self.told(name)) for name in self.people}


@pytest.fixture
def world(services: Services, join: SignIn) -> World:
    """Sign in three people."""
    return World(services, {name: join(name) for name in ("ada", "bob", "cho")})


def test_a_twoot_tells_whom_it_speaks_to_once(world: World) -> None:
    """A reply to somebody whom it mentions too is a reply, a quote likewise; others are mentioned."""
    first = world.write("ada", "?")
    reply = world.write("bob", "@ada @cho !", reply_to=first.id)
    quote = world.write("cho", "Look @ada @bob", quote_of=first.id)
    world.deliver(*(appeared(twoot, ()) for twoot in (first, reply, quote)))
    assert world.everything() == {
        "ada": [(Kind.REPLY, "bob"), (Kind.QUOTE, "cho")],
        "bob": [(Kind.MENTION, "cho")],
        "cho": [(Kind.MENTION, "bob")],
    }


def test_nobody_is_told_what_it_did_itself(world: World) -> None:
    first = world.write("ada", "@ada")
    own = world.write("ada", "@ada", reply_to=first.id, quote_of=first.id)
    world.deliver(appeared(first, ()), appeared(own, ()), world.like("ada", first))
    assert world.told("ada") == []


def test_an_edit_tells_the_newly_mentioned_alone(world: World) -> None:
    first = world.write("bob", "?")
    twoot = world.write("ada", "@cho", reply_to=first.id)
    world.deliver(appeared(twoot, ()))
    known = world.ids("cho")
    changed = world.edit(twoot, "@cho @bob")
    world.deliver(edited(twoot, changed, (), ()))
    assert world.told("cho") == [(Kind.MENTION, "ada")]
    assert world.ids("cho") == known
    assert world.told("bob") == [(Kind.REPLY, "ada")], "it is told already that this answers it"
    other = world.write("ada", "?")
    changed = world.edit(other, "? @bob")
    world.deliver(edited(other, changed, (), ()), appeared(other, ()))
    assert world.told("bob") == [(Kind.MENTION, "ada"), (Kind.REPLY, "ada")]
    assert len(world.told("cho")) == 1


def test_who_likes_again_is_not_new(world: World) -> None:
    twoot = world.write("ada", "?")
    world.deliver(
        world.like("bob", twoot), world.act("bob", actions.Kind.RETWOOT, twoot, version=1, active=True)
    )
    (retwoot_id, like_id) = world.ids("ada")
    world.deliver(world.like("bob", twoot, 2, active=False))
    assert world.told("ada") == [(Kind.RETWOOT, "bob")]
    world.deliver(world.like("cho", twoot), world.like("bob", twoot, 3))
    assert world.told("ada") == [(Kind.LIKE, "cho"), (Kind.RETWOOT, "bob"), (Kind.LIKE, "bob")]
    assert world.ids("ada")[1:] == [retwoot_id, like_id]


def test_bookmarks_tell_nobody(world: World) -> None:
    twoot = world.write("ada", "?")
    with recorded(world.services.storage) as names:
        world.deliver(world.act("bob", actions.Kind.BOOKMARK, twoot, version=1, active=True))
    assert names == []


def test_a_request_becomes_a_follow_that_is_not_new(world: World) -> None:
    world.deliver(world.follow("bob", "ada", "requested"))
    assert world.told("ada") == [(Kind.FOLLOW_REQUEST, "bob")]
    known = world.ids("ada")
    world.deliver(world.answer("ada", "bob", "active"))
    assert (world.told("ada"), world.ids("ada")) == ([(Kind.FOLLOW, "bob")], known)
    world.deliver(world.follow("bob", "ada", "none", 2))
    assert world.told("ada") == []
    world.deliver(world.follow("bob", "ada", "requested", 3))
    world.deliver(world.answer("ada", "bob", "none", 3))
    assert world.told("ada") == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1)])
def test_whoever_was_approved_and_removed_does_not_follow(world: World, order: tuple[int, ...]) -> None:
    told = (
        world.follow("bob", "ada", "requested"),
        world.answer("ada", "bob", "active"),
        world.answer("ada", "bob", "none"),
    )
    for number in order:
        world.deliver(told[number])
    assert world.told("ada") == []


@pytest.mark.parametrize("who", ["receiver", "actor"])
def test_a_block_between_two_makes_none(world: World, who: str) -> None:
    ada, bob = world.id("ada"), world.id("bob")
    twoot = world.write("ada", "?")
    mention = world.write("bob", "@ada", reply_to=twoot.id)
    pair = (ada, bob) if who == "receiver" else (bob, ada)
    world.put(Blocks, account_id=pair[0], target_id=pair[1])
    world.deliver(appeared(mention, ()), world.like("bob", twoot), world.follow("bob", "ada"))
    assert world.told("ada") == []


def test_who_is_muted_makes_none_until_the_mute_ends(world: World) -> None:
    twoot, now_ms = world.write("ada", "?"), world.services.ids.now_ms()
    world.put(Mutes, account_id=world.id("ada"), target_id=world.id("bob"), until_ms=None)
    world.put(Mutes, account_id=world.id("ada"), target_id=world.id("cho"), until_ms=now_ms - 1)
    world.deliver(world.like("bob", twoot), world.like("cho", twoot), world.follow("bob", "ada"))
    assert world.told("ada") == [(Kind.LIKE, "cho")]
    world.deliver(world.like("bob", twoot, 2, active=False), world.like("bob", twoot, 3))
    assert len(world.told("ada")) == 1, "unliking and liking again is no way around"


def test_a_muted_conversation_makes_none(world: World) -> None:
    first = world.write("ada", "?")
    answer = world.write("bob", "!", reply_to=first.id)
    other = world.write("ada", "?")
    root = (world.id("ada"), first.id)
    world.services.storage.transact(lambda tx: muted_threads.insert(tx, *root))
    told = [
        answer,
        world.write("cho", "@ada", reply_to=answer.id),
        world.write("cho", "look", quote_of=first.id),
        world.write("bob", "!", reply_to=other.id),
    ]
    world.deliver(
        *(appeared(twoot, ()) for twoot in told), world.like("bob", first), world.like("cho", other)
    )
    assert sorted(world.told("ada")) == [(Kind.REPLY, "bob"), (Kind.LIKE, "cho")]
    assert world.told("bob") == [(Kind.REPLY, "cho")]


def test_what_one_may_not_see_makes_none(world: World) -> None:
    first = world.write("ada", "?")
    for visibility in (Visibility.FOLLOWERS, Visibility.MENTIONED):
        world.deliver(appeared(world.write("bob", "!", reply_to=first.id, visibility=visibility), ()))
        assert world.told("ada") == []
        whispered = world.write("bob", "@ada", reply_to=first.id, visibility=visibility)
        world.deliver(appeared(whispered, ()))
        assert world.told("ada") == [(Kind.REPLY, "bob")]
        world.deliver(gone(whispered, ()))


def test_nobody_hears_of_accounts_that_are_not_active(world: World) -> None:
    twoot = world.write("ada", "?")
    world.services.accounts.suspend("bob")
    world.deliver(world.like("bob", twoot), world.follow("bob", "ada"), world.follow("cho", "bob"))
    assert world.told("ada") == world.told("bob") == []


def test_a_deleted_twoot_takes_with_it_what_was_told_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.storage.notifications.STEP", 1)
    twoot, kept = world.write("ada", "@bob"), world.write("ada", "?")
    told: list[Event] = [
        appeared(twoot, ()),
        world.like("bob", twoot),
        world.like("cho", twoot),
        world.like("cho", kept),
    ]
    world.deliver(*told)
    world.services.twoots.remove(twoot)
    world.deliver(gone(twoot, ()))
    world.deliver(*told)
    assert world.everything() == {"ada": [(Kind.LIKE, "cho")], "bob": [], "cho": []}


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
