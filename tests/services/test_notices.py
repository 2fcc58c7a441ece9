"""Notices: every event tells whom it concerns, once; and nobody who does not want to hear."""

import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.worlds import World
from twooter.domain import actions
from twooter.domain.events import (
    Event,
    appeared,
    edited,
    gone,
)
from twooter.domain.notifications import Kind
from twooter.domain.twoots import Visibility
from twooter.services.house import Services
from twooter.storage import muted_threads
from twooter.storage.tables import Blocks, Mutes


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
