"""Lists of accounts: who may be on one, what its timeline shows, and what becomes of both."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import graphs
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Visibility, item_id
from twooter.errors import Conflict, Invalid, NotFound
from twooter.services import account_lists as service
from twooter.services.house import Services
from twooter.storage.idempotency import Idempotency

Drain = Callable[[], None]


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in some people; the first follows all others."""
    return [join(name) for name in ("ada", "ben", "cho", "dan")]


@pytest.fixture
def ada(people: list[Viewer], services: Services) -> Viewer:
    """Return who has lists."""
    for other in people[1:]:
        graphs.follow(services, people[0].account_id, other.account_id)
    return people[0]


@pytest.fixture
def tea(services: Services, ada: Viewer, people: list[Viewer]) -> int:
    """Return a list with Ben and Cho."""
    made = services.account_lists.make(ada, "Tea").id
    for member in people[1:3]:
        services.account_lists.add(ada, made, member.account_id)
    return made


def publish(services: Services, viewer: Viewer, **more: Any) -> int:
    return services.twoots.publish(viewer, Draft("Tea.", **more)).twoot.id


def timeline(services: Services, viewer: Viewer, list_id: int) -> list[int]:
    return [item_id(item) for item in services.account_lists.timeline(viewer, list_id, Page()).items]


def members(services: Services, viewer: Viewer, list_id: int) -> list[str]:
    return [one.username for one in services.account_lists.members(viewer, list_id, Page()).items]


def test_a_timeline_shows_what_those_on_the_list_do_and_nobody_else(
    services: Services, ada: Viewer, people: list[Viewer], tea: int
) -> None:
    _, ben, cho, dan = people
    first, second = publish(services, ben), publish(services, cho, visibility=Visibility.FOLLOWERS)
    others = services.twoots.get(publish(services, dan), None).twoot
    publish(services, ada)
    publish(services, ben, visibility=Visibility.MENTIONED)
    passed_on = graphs.retwoot(services, cho.account_id, others)
    assert timeline(services, ada, tea) == [passed_on, second, first]
    services.twoots.delete(ben, first)
    assert timeline(services, ada, tea) == [passed_on, second]


def test_a_timeline_is_read_to_its_end_in_both_directions(
    services: Services, ada: Viewer, people: list[Viewer], tea: int
) -> None:
    written = [publish(services, people[1 + number % 3]) for number in range(24)]
    expected = [id_ for number, id_ in enumerate(written) if number % 3 != 2][::-1]
    read = services.account_lists.timeline
    found, page = [], read(ada, tea, Page(5))
    while True:
        found += [item_id(item) for item in page.items]
        if page.next_before is None:
            break
        page = read(ada, tea, Page(5, before=page.next_before))
    assert found == expected
    back, page = [], read(ada, tea, Page(5, after=expected[-1]))
    while page.items:
        back += [item_id(item) for item in reversed(page.items)]
        page = read(ada, tea, Page(5, after=page.prev_after))
    assert back == expected[-2::-1]


def test_blocks_mutes_and_the_end_of_a_follow_hold(
    services: Services, ada: Viewer, people: list[Viewer], tea: int, drain: Drain
) -> None:
    _, ben, cho, _ = people
    bens, chos = publish(services, ben), publish(services, cho)
    drain()
    services.relationships.mute(ada, ben.account_id, seconds=None)
    assert timeline(services, ada, tea) == [chos]
    services.relationships.unmute(ada, ben.account_id)
    services.follows.unfollow(ada, ben.account_id)
    assert timeline(services, ada, tea) == [chos]
    assert members(services, ada, tea) == ["cho", "ben"]
    services.follows.follow(ada, ben.account_id)
    drain()
    assert timeline(services, ada, tea) == [chos, bens]
    services.blocks.block(cho, ada.account_id)
    assert timeline(services, ada, tea) == [bens]
    assert members(services, ada, tea) == ["ben"]
    with pytest.raises(NotFound):
        services.account_lists.add(ada, tea, cho.account_id)


def test_only_whom_one_follows_is_put_on_a_list_and_twice_is_once(
    services: Services, ada: Viewer, people: list[Viewer], tea: int, join: SignIn
) -> None:
    stranger = join("eve")
    for refused in (stranger, ada):
        with pytest.raises(Conflict, match="Follow this account first"):
            services.account_lists.add(ada, tea, refused.account_id)
    with pytest.raises(NotFound):
        services.account_lists.add(ada, tea, 17)
    services.account_lists.add(ada, tea, people[1].account_id)
    assert members(services, ada, tea) == ["cho", "ben"]
    for _ in range(2):
        services.account_lists.take_off(ada, tea, people[1].account_id)
        services.account_lists.take_off(ada, tea, 17)
    assert members(services, ada, tea) == ["cho"]


def test_anothers_list_is_not_there(services: Services, people: list[Viewer], tea: int) -> None:
    lists, ben = services.account_lists, people[1]
    for attempt in (
        lambda: lists.get(ben, tea),
        lambda: lists.rename(ben, tea, "Mine"),
        lambda: lists.rename(ben, tea, None),
        lambda: lists.remove(ben, tea),
        lambda: lists.add(ben, tea, people[2].account_id),
        lambda: lists.take_off(ben, tea, people[2].account_id),
        lambda: lists.members(ben, tea, Page()),
        lambda: lists.timeline(ben, tea, Page()),
    ):
        with pytest.raises(NotFound, match="No such list"):
            attempt()
    assert lists.fetch(ben, Page()).items == []
    assert lists.get(people[0], tea).title == "Tea"


def test_titles_are_of_one_to_a_hundred_characters(services: Services, ada: Viewer) -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    made = services.account_lists.make(ada, f" {family * 100} ")
    assert services.account_lists.get(ada, made.id).title == family * 100
    for bad in ("", "  ", "x" * 101, "two\nlines", "\0", "\ud800"):
        with pytest.raises(Invalid):
            services.account_lists.make(ada, bad)
        with pytest.raises(Invalid):
            services.account_lists.rename(ada, made.id, bad)
    assert services.account_lists.rename(ada, made.id, "Kin").title == "Kin"
    assert [value.title for value in services.account_lists.fetch(ada, Page()).items] == ["Kin"]


def test_at_most_so_many_lists_are_made_also_at_once(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_LISTS", 3)

    def attempt(number: int) -> str:
        try:
            services.account_lists.make(ada, f"List {number}")
        except Conflict as ex:
            return ex.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(attempt, range(8)))
    assert said == ["made"] * 3 + ["too_many_lists"] * 5
    first = services.account_lists.fetch(ada, Page()).items[0]
    services.account_lists.remove(ada, first.id)
    assert attempt(9) == "made"


def test_a_full_list_takes_nobody_else_until_somebody_is_gone(
    services: Services,
    ada: Viewer,
    people: list[Viewer],
    tea: int,
    drain: Drain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MAX_MEMBERS", 2)
    _, ben, _, dan = people
    with pytest.raises(Conflict) as refused:
        services.account_lists.add(ada, tea, dan.account_id)
    assert refused.value.code == "too_many_accounts"
    services.account_lists.add(ada, tea, ben.account_id)
    services.deletions.request(ben)
    drain()
    services.account_lists.add(ada, tea, dan.account_id)
    assert members(services, ada, tea) == ["dan", "cho"]


def test_a_key_makes_one_list(services: Services, ada: Viewer) -> None:
    key = Idempotency("once", "a" * 64)
    made = services.account_lists.make(ada, "Tea", idempotency_key=key)
    assert services.account_lists.make(ada, "Tea", idempotency_key=key) == made
    with pytest.raises(Invalid):
        services.account_lists.make(ada, "Tea", idempotency_key=Idempotency("once", "b" * 64))
    assert len(services.account_lists.fetch(ada, Page()).items) == 1
    services.account_lists.remove(ada, made.id)
    with pytest.raises(NotFound):
        services.account_lists.make(ada, "Tea", idempotency_key=key)


def test_what_is_deleted_leaves_no_rows(
    services: Services, ada: Viewer, people: list[Viewer], tea: int, drain: Drain
) -> None:
    def left() -> dict[str, int]:
        counted = {}
        for table in ("account_lists", "list_members", "followed_hashtags"):
            found = services.storage.database.execute_sql(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - our own names
            counted[table] = found.fetchone()[0]
        return counted

    other = services.account_lists.make(ada, "Other").id
    services.account_lists.add(ada, other, people[3].account_id)
    services.account_lists.remove(ada, tea)
    assert left() == {"account_lists": 1, "list_members": 1, "followed_hashtags": 0}
    services.deletions.request(ada)
    drain()
    assert set(left().values()) == {0}
