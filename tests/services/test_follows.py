"""Follows: what was acknowledged last is what both sides say in the end, and what is counted."""

from collections.abc import Callable

import pytest

from tests.outbox import drain as drain_outbox
from tests.services.conftest import SignIn
from twooter.domain.accounts import Account, Viewer
from twooter.domain.events import Envelope
from twooter.domain.follows import MAX_FOLLOWING, Follow
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.errors import Conflict, Invalid, NotFound, Unavailable
from twooter.services.follow_edges import FollowEdges
from twooter.services.follows import event_of
from twooter.services.house import Services
from twooter.storage import follows
from twooter.storage.database import Session
from twooter.storage.follows import FOLLOWERS, FOLLOWING

Drain = Callable[[], None]


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who follows."""
    return join("ada")


@pytest.fixture
def bob(join: SignIn) -> Viewer:
    """Sign in somebody who is followed."""
    return join("bob")


def states(services: Services, follower: Viewer, target: Viewer) -> tuple[State, State]:
    """Return what the follower's side says, and the other one."""
    ends = (follower.account_id, target.account_id)
    own = services.storage.read(lambda tx: follows.find(tx, FOLLOWING, *ends))
    other = services.storage.read(lambda tx: follows.find(tx, FOLLOWERS, *reversed(ends)))
    return State.NONE if own is None else own.state, State.NONE if other is None else other.state


def counts(services: Services, follower: Viewer, target: Viewer) -> tuple[int, int]:
    """Return how many the follower follows, and how many follow the other."""
    of = services.accounts.get
    return of(follower.account_id).following, of(target.account_id).followers


def protect(services: Services, viewer: Viewer, *, protected: bool = True) -> None:
    services.accounts.change_profile(viewer, display_name=None, bio=None, protected=protected)


def names(items: object) -> list[str]:
    assert isinstance(items, list)
    return [item.username for item in items if isinstance(item, Account)]


def test_a_follow_counts_at_once_at_the_followers_side_and_at_the_other_when_it_arrives(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    for _ in range(2):
        services.follows.follow(ada, bob.account_id)
    assert counts(services, ada, bob) == (1, 0)
    drain()
    assert counts(services, ada, bob) == (1, 1)
    assert states(services, ada, bob) == (State.ACTIVE, State.ACTIVE)
    assert names(services.people.followers(bob.account_id, Page(), None).items) == ["ada"]
    assert names(services.people.following(ada.account_id, Page(), None).items) == ["bob"]
    for _ in range(2):
        services.follows.unfollow(ada, bob.account_id)
    assert counts(services, ada, bob) == (0, 1)
    drain()
    assert counts(services, ada, bob) == (0, 0)
    assert not services.people.followers(bob.account_id, Page(), None).items


def test_oneself_is_not_to_be_followed_and_nobody_is_not_there(services: Services, ada: Viewer) -> None:
    with pytest.raises(Invalid):
        services.follows.follow(ada, ada.account_id)
    with pytest.raises(NotFound):
        services.follows.follow(ada, 12345)
    services.follows.unfollow(ada, 12345)


def test_one_follows_so_many_and_no_more(services: Services, ada: Viewer, bob: Viewer) -> None:
    services.storage.database.execute_sql(f"UPDATE accounts SET following = {MAX_FOLLOWING}")  # noqa: S608 - a number
    with pytest.raises(Conflict):
        services.follows.follow(ada, bob.account_id)
    services.storage.database.execute_sql(f"UPDATE accounts SET following = {MAX_FOLLOWING - 1}")  # noqa: S608 - idem: ours
    for _ in range(2):
        services.follows.follow(ada, bob.account_id)


def test_a_protected_account_is_asked_and_its_yes_counts_once(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    protect(services, bob)
    services.follows.follow(ada, bob.account_id)
    assert services.relationships.one(ada, bob.account_id).requested
    drain()
    assert counts(services, ada, bob) == (0, 0)
    assert names(services.people.requests(bob, Page()).items) == ["ada"]
    assert services.relationships.one(bob, ada.account_id).requested_by
    for _ in range(2):
        services.follow_requests.approve(bob, ada.account_id)
    drain()
    services.follow_requests.approve(bob, ada.account_id)
    services.follow_requests.refuse(bob, ada.account_id)  # too late
    drain()
    assert counts(services, ada, bob) == (1, 1)
    assert states(services, ada, bob) == (State.ACTIVE, State.ACTIVE)
    assert not services.people.requests(bob, Page()).items


def test_a_request_is_answered_before_its_event_arrives(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    protect(services, bob)
    services.follows.follow(ada, bob.account_id)
    services.follow_requests.approve(bob, ada.account_id)
    drain()
    assert counts(services, ada, bob) == (1, 1)


def test_a_refused_or_withdrawn_request_leaves_nothing_and_may_be_made_again(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    protect(services, bob)
    services.follows.follow(ada, bob.account_id)
    drain()
    services.follow_requests.refuse(bob, ada.account_id)
    services.follow_requests.refuse(bob, ada.account_id)
    drain()
    assert states(services, ada, bob) == (State.NONE, State.NONE)
    with pytest.raises(NotFound):
        services.follow_requests.approve(bob, ada.account_id)
    services.follows.follow(ada, bob.account_id)
    services.follows.unfollow(ada, bob.account_id)
    with pytest.raises(NotFound):
        services.follow_requests.approve(bob, ada.account_id)
    services.follows.follow(ada, bob.account_id)
    drain()
    assert states(services, ada, bob) == (State.REQUESTED, State.REQUESTED)
    protect(services, bob, protected=False)
    services.follows.follow(ada, bob.account_id)
    drain()
    assert counts(services, ada, bob) == (1, 1)


def test_who_was_removed_may_follow_again_before_it_hears_of_it(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    services.follows.follow(ada, bob.account_id)
    services.follow_requests.remove_follower(bob, ada.account_id)
    services.follow_requests.remove_follower(bob, ada.account_id)
    drain()
    assert states(services, ada, bob) == (State.NONE, State.NONE)
    assert counts(services, ada, bob) == (0, 0)
    services.follows.follow(ada, bob.account_id)
    drain()
    services.follow_requests.remove_follower(bob, ada.account_id)
    services.follows.follow(ada, bob.account_id)
    drain()
    assert states(services, ada, bob) == (State.ACTIVE, State.ACTIVE)
    assert counts(services, ada, bob) == (1, 1)


def test_a_block_ends_follows_of_both_and_keeps_them_away(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    services.follows.follow(ada, bob.account_id)
    services.follows.follow(bob, ada.account_id)
    drain()
    for _ in range(2):
        services.blocks.block(bob, ada.account_id)
    drain()
    for ends in ((ada, bob), (bob, ada)):
        assert states(services, *ends) == (State.NONE, State.NONE)
        assert counts(services, *ends) == (0, 0)
    with pytest.raises(NotFound):
        services.follows.follow(ada, bob.account_id)
    with pytest.raises(Conflict):
        services.follows.follow(bob, ada.account_id)
    for hidden in (
        lambda: services.accounts.get(bob.account_id, ada),
        lambda: services.accounts.lookup("bob", ada),
        lambda: services.people.followers(bob.account_id, Page(), ada),
        lambda: services.relationships.note(ada, bob.account_id, "?"),
    ):
        with pytest.raises(NotFound):
            hidden()
    assert services.relationships.fetch(ada, [bob.account_id]) == []
    assert services.relationships.fetch(bob, [ada.account_id])[0].blocking
    assert names(services.people.blocked(bob, Page()).items) == ["ada"]
    services.blocks.block(ada, bob.account_id)  # whoever is blocked may block as well
    assert services.relationships.fetch(ada, [bob.account_id])[0].blocking


@pytest.mark.parametrize("unblocks", [False, True])
def test_a_follow_that_arrives_after_a_block_makes_no_follower(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain, *, unblocks: bool
) -> None:
    services.follows.follow(ada, bob.account_id)
    late = services.storage.read(lambda tx: follows.find(tx, FOLLOWING, ada.account_id, bob.account_id))
    assert late is not None
    services.storage.database.execute_sql("DELETE FROM outbox")  # it is held up somewhere
    services.blocks.block(bob, ada.account_id)
    if unblocks:
        services.blocks.unblock(bob, ada.account_id)
    edges = FollowEdges(services.storage, services.outboxes)
    edges.handle([Envelope(event_of(late), 0, None)] * 2)
    drain()
    assert states(services, ada, bob) == (State.NONE, State.NONE)
    assert counts(services, ada, bob) == (0, 0)
    if unblocks:
        services.follows.follow(ada, bob.account_id)
        drain()
        assert counts(services, ada, bob) == (1, 1)


def test_a_follow_that_nobody_has_answered_is_refused_where_a_block_stands(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    """As the one of a request that was checked before the block, and committed after the block had looked."""
    services.blocks.block(bob, ada.account_id)
    made = Follow(ada.account_id, bob.account_id, 1, State.ACTIVE, services.ids.make())

    def work(tx: Session) -> None:
        follows.put(tx, FOLLOWING, [made])
        follows.move(tx, FOLLOWING, ada.account_id, 1)
        services.outboxes.append(tx, ada.account_id, event_of(made), request_id=None)

    services.outboxes.transact(work)
    drain()
    assert states(services, ada, bob) == (State.NONE, State.NONE)
    assert counts(services, ada, bob) == (0, 0)


def test_lists_go_page_by_page_in_the_order_of_following(
    services: Services, join: SignIn, bob: Viewer, drain: Drain
) -> None:
    people = [join(f"p{number}") for number in range(5)]
    for person in people:
        services.follows.follow(person, bob.account_id)
    services.follows.unfollow(people[2], bob.account_id)
    drain()
    first = services.people.followers(bob.account_id, Page(3), None)
    assert names(first.items) == ["p4", "p3", "p1"]
    rest = services.people.followers(bob.account_id, Page(3, before=first.next_before), None)
    assert (names(rest.items), rest.next_before) == (["p0"], None)
    back = services.people.followers(bob.account_id, Page(3, after=rest.prev_after), None)
    assert names(back.items) == ["p4", "p3", "p1"]


def test_lists_of_a_protected_account_are_for_itself_and_its_followers(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn, drain: Drain
) -> None:
    cho = join("cho")
    services.follows.follow(ada, bob.account_id)
    services.follows.follow(bob, cho.account_id)
    protect(services, bob)
    drain()
    lists = (services.people.followers, services.people.following)
    for read in lists:
        assert len(read(bob.account_id, Page(), bob).items) == 1
        assert len(read(bob.account_id, Page(), ada).items) == 1
        for stranger in (None, cho):
            with pytest.raises(NotFound):
                read(bob.account_id, Page(), stranger)
    # whom it follows is what it does: for those it has approved, and whom it concerns
    shown = {
        viewer: services.people.followers(cho.account_id, Page(), viewer).items for viewer in (None, ada, cho)
    }
    assert [names(shown[viewer]) for viewer in (None, ada, cho)] == [[], ["bob"], ["bob"]]


def test_mutes_have_an_end_and_notes_are_ones_own(services: Services, ada: Viewer, bob: Viewer) -> None:
    services.relationships.mute(ada, bob.account_id, seconds=None)
    services.relationships.note(ada, bob.account_id, " met in Paris ")
    found = services.relationships.one(ada, bob.account_id)
    assert (found.muting, found.muted_until_ms, found.note) == (True, None, "met in Paris")
    assert services.relationships.one(bob, ada.account_id).note == ""
    services.relationships.mute(ada, bob.account_id, seconds=60)
    assert [muted.until_ms for muted in services.people.muted(ada, Page()).items] == [
        services.relationships.one(ada, bob.account_id).muted_until_ms
    ]
    services.storage.database.execute_sql("UPDATE mutes SET until_ms = 1")
    assert not services.relationships.one(ada, bob.account_id).muting
    assert not services.people.muted(ada, Page()).items
    services.relationships.mute(ada, bob.account_id, seconds=None)
    services.relationships.unmute(ada, bob.account_id)
    services.relationships.note(ada, bob.account_id, " ")
    assert services.relationships.one(ada, bob.account_id).note == ""
    assert not services.relationships.one(ada, bob.account_id).muting
    with pytest.raises(Invalid):
        services.relationships.note(ada, bob.account_id, "x" * 501)


def test_home_timelines_are_told_when_both_sides_agree(services: Services, ada: Viewer, bob: Viewer) -> None:
    told: list[str] = []

    class Homes:
        def followed(self, follower_id: int, target_id: int) -> None:
            told.append(f"+{states(services, ada, bob)[1].value}")
            assert (follower_id, target_id) == (ada.account_id, bob.account_id)

        def unfollowed(self, follower_id: int, target_id: int) -> None:
            told.append("-")
            assert (follower_id, target_id) == (ada.account_id, bob.account_id)

    edges = FollowEdges(services.storage, services.outboxes, Homes())
    services.follows.follow(ada, bob.account_id)
    first = services.storage.read(lambda tx: follows.find(tx, FOLLOWING, ada.account_id, bob.account_id))
    assert first is not None
    for _ in range(2):  # a worker may die between the two
        edges.bring([event_of(first)])
    assert told == ["+active", "+active"]
    services.follows.unfollow(ada, bob.account_id)
    last = services.storage.read(lambda tx: follows.find(tx, FOLLOWING, ada.account_id, bob.account_id))
    assert last is not None
    edges.bring([event_of(last), event_of(first)])
    edges.bring([event_of(first)])  # late: it holds no more
    assert told == ["+active", "+active", "-"]
    drain_outbox(services)


def test_follows_are_counted_while_home_timelines_are_away(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn
) -> None:
    class Away:
        def followed(self, follower_id: int, target_id: int) -> None:
            raise Unavailable(f"no home of {follower_id} with {target_id}")

        unfollowed = followed

    cho = join("cho")
    for target in (bob, cho):
        services.follows.follow(ada, target.account_id)
    made = services.storage.read(
        lambda tx: follows.fetch(tx, FOLLOWING, ada.account_id, State.ACTIVE, Page())
    )
    edges = FollowEdges(services.storage, services.outboxes, Away())
    with pytest.raises(Unavailable):  # so that it is told again later
        edges.bring([event_of(follow) for follow in made])
    assert [counts(services, ada, target) for target in (bob, cho)] == [(2, 1), (2, 1)]
