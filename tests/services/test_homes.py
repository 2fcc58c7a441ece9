"""Home timelines: the same page from Redis and from the database, whatever happened before and happens to Redis."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from tests import graphs
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Item, Twoot, Visibility, item_id
from twooter.metrics import HOME_READS
from twooter.services import popular as popular_module
from twooter.services.cards import Cards
from twooter.services.homes import Homes
from twooter.services.house import Services

KEPT = 20
"""Rows that Redis keeps here."""
PEOPLE = ("ada", "ben", "cho", "dan", "eve")


@pytest.fixture
def changes(redis_url: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Ask for Redis, for small timelines, for an answer on a busy machine, and for what a test wants besides."""
    asked = {"cache_url": SecretStr(redis_url), "home_entries": KEPT, "cache_timeout_seconds": 1.0}
    return {**asked, **getattr(request, "param", {})}


@pytest.fixture
def behind(redis_url: str) -> Iterator[redis.Redis]:
    """Return a client that looks behind the services' back."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as made:
        yield made


@pytest.fixture
def by_database(services: Services) -> Homes:
    """Return home timelines without Redis."""
    return Homes(services.storage, Cards(services.storage), services.homes._popular, None)


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in some people."""
    return [join(name) for name in PEOPLE]


@pytest.fixture
def ada(people: list[Viewer]) -> Viewer:
    """Return who reads."""
    return people[0]


@pytest.fixture
def ben(people: list[Viewer]) -> Viewer:
    """Return who writes."""
    return people[1]


def publish(services: Services, viewer: Viewer, text: str = "Tea.", **more: Any) -> Twoot:
    return services.twoots.publish(viewer, Draft(text, **more)).twoot


def ids(items: Any) -> list[int]:
    return [item_id(item) for item in items]


def home(homes: Homes, viewer: Viewer, limit: int = 20) -> list[int]:
    return ids(homes.page(viewer, Page(limit)).items)


def read_all(homes: Homes, viewer: Viewer, limit: int) -> list[Item]:
    """Return everything from the first page to the last."""
    found = homes.page(viewer, Page(limit))
    items = list(found.items)
    while found.next_before is not None:
        found = homes.page(viewer, Page(limit, before=found.next_before))
        items += found.items
    return items


def sources() -> dict[str, float]:
    return {name: HOME_READS.labels(name)._value.get() for name in ("redis", "database", "rebuild")}


def source(homes: Homes, viewer: Viewer, page: Page | None = None) -> str:
    """Return where a page is read from."""
    before = sources()
    homes.page(viewer, page or Page())
    return next(name for name, count in sources().items() if count > before[name])


class World:
    """What people did, in memory: what everybody's home timeline should be."""

    def __init__(self) -> None:
        self.follows: set[tuple[int, int]] = set()
        self.twoots: dict[int, Twoot] = {}
        self.retwoots: dict[tuple[int, int], int] = {}

    def rows(self, viewer_id: int) -> list[tuple[int, int]]:
        """Return (row, twoot), newest first, also where the twoot that is shown has gone."""
        actors = {viewer_id, *(target for follower, target in self.follows if follower == viewer_id)}
        rows = [(id_, id_) for id_, twoot in self.twoots.items() if twoot.author_id in actors]
        rows += [
            (edge_id, twoot_id)
            for (account_id, twoot_id), edge_id in self.retwoots.items()
            if account_id in actors
        ]
        return sorted(rows, reverse=True)

    def shown(self, rows: list[tuple[int, int]]) -> list[int]:
        """Return those of the rows that are shown: each twoot that is there, once, in its newest row."""
        once: dict[int, int] = {}
        for row_id, twoot_id in rows:
            if twoot_id in self.twoots:
                once.setdefault(twoot_id, row_id)
        return list(once.values())


def act(services: Services, world: World, people: list[Viewer], random: Random) -> None:
    """Let somebody do something."""
    one, other = random.sample(people, 2)
    edge = (one.account_id, other.account_id)
    twoot = random.choice(list(world.twoots.values())) if world.twoots else None
    what = random.random()
    if what < 0.4 or twoot is None:
        made = publish(services, one)
        world.twoots[made.id] = made
    elif what < 0.6:
        world.retwoots[one.account_id, twoot.id] = graphs.retwoot(services, one.account_id, twoot)
    elif what < 0.65:
        graphs.take_back(services, one.account_id, twoot)
        world.retwoots.pop((one.account_id, twoot.id), None)
    elif what < 0.7:
        author = next(viewer for viewer in people if viewer.account_id == twoot.author_id)
        services.twoots.delete(author, twoot.id)
        del world.twoots[twoot.id]
    elif what < 0.9:
        graphs.follow(services, *edge)
        world.follows.add(edge)
    else:
        graphs.unfollow(services, *edge)
        world.follows.discard(edge)


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_show_what_a_model_does_whatever_happened(
    services: Services,
    by_database: Homes,
    people: list[Viewer],
    behind: redis.Redis,
    drain: Callable[[], None],
    seed: int,
) -> None:
    random, world = Random(seed), World()
    for number in range(150):
        act(services, world, people, random)
        if random.random() < 0.1:
            drain()
        if random.random() < 0.2:
            services.homes.page(random.choice(people), Page())
        if number % 60 == 50:
            behind.flushall()
    drain()
    for viewer in people:
        rows = world.rows(viewer.account_id)
        for homes in (services.homes, by_database):
            assert home(homes, viewer, limit=100) == world.shown(rows[:100])
            for limit in (3, 7):  # what several rows show is shown once, on whichever pages they are
                assert ids(read_all(homes, viewer, limit)) == world.shown(rows)


def test_both_ways_cut_the_same_pages_in_both_directions(
    services: Services, by_database: Homes, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    written = [publish(services, (ada, ben)[number % 2]).id for number in range(3 * KEPT)]
    drain()
    places = [Page(5), *(Page(5, before=id_) for id_ in written), *(Page(5, after=id_) for id_ in written)]
    for page in places:
        assert services.homes.page(ada, page) == by_database.page(ada, page), page


def test_what_one_writes_is_there_at_once_and_what_others_write_when_it_is_pushed(
    services: Services, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    graphs.follow(services, ada.account_id, ben.account_id)
    assert source(services.homes, ada) == "rebuild"
    mine = publish(services, ada).id
    assert home(services.homes, ada) == [mine]
    passed_on = graphs.retwoot(services, ada.account_id, publish(services, ben))
    assert home(services.homes, ada) == [passed_on, mine]
    others = publish(services, ben).id
    drain()
    assert home(services.homes, ada) == [others, passed_on, mine]
    assert source(services.homes, ada) == "redis"


def test_following_merges_and_unfollowing_removes(
    services: Services, ada: Viewer, ben: Viewer, people: list[Viewer]
) -> None:
    old = [publish(services, ben).id for _ in range(3)]
    passed_on = graphs.retwoot(services, ben.account_id, publish(services, people[2]))
    mine = publish(services, ada).id
    assert home(services.homes, ada) == [mine]
    graphs.follow(services, ada.account_id, ben.account_id)
    assert home(services.homes, ada) == [mine, passed_on, *old[::-1]]
    graphs.unfollow(services, ada.account_id, ben.account_id)
    assert home(services.homes, ada) == [mine]
    graphs.follow(services, ada.account_id, ben.account_id)
    assert home(services.homes, ada) == [mine, passed_on, *old[::-1]]
    assert source(services.homes, ada) == "redis"


def test_an_unfollow_holds_before_any_worker_hears_of_it(
    services: Services, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    written = publish(services, ben).id
    drain()
    assert home(services.homes, ada) == [written]
    graphs.set_edge(services, ada.account_id, ben.account_id, State.NONE)
    assert home(services.homes, ada) == []


def test_following_somebody_who_wrote_much_leaves_no_hole(
    services: Services, by_database: Homes, ada: Viewer, ben: Viewer
) -> None:
    first = [publish(services, ada) for _ in range(3)]
    written = [publish(services, ben).id for _ in range(2 * KEPT)]
    home(services.homes, ada)
    graphs.follow(services, ada.account_id, ben.account_id)
    expected = [*written[::-1], *(twoot.id for twoot in first[::-1])]
    assert home(services.homes, ada, limit=100) == home(by_database, ada, limit=100) == expected
    assert source(services.homes, ada, Page(10)) == "redis"
    assert ids(read_all(services.homes, ada, 10)) == expected


def test_below_what_redis_keeps_the_database_goes_on(
    services: Services, ada: Viewer, drain: Callable[[], None]
) -> None:
    home(services.homes, ada)
    written = [publish(services, ada).id for _ in range(4 * KEPT)]
    drain()
    assert source(services.homes, ada) == "redis"
    assert source(services.homes, ada, Page(before=written[10])) == "database"
    assert ids(read_all(services.homes, ada, 7)) == written[::-1]


def test_a_late_push_below_what_redis_keeps_makes_no_hole(
    services: Services, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    late = publish(services, ben)  # not pushed before the timeline is full of newer ones
    written = [publish(services, ada).id for _ in range(4 * KEPT)]
    drain()
    assert ids(read_all(services.homes, ada, 7)) == [*written[::-1], late.id]


def test_what_is_for_single_readers_is_on_its_authors_home_alone(
    services: Services, by_database: Homes, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    home(services.homes, ben)
    for_ada = publish(services, ben, "@ada, tea?", visibility=Visibility.MENTIONED).id
    for_followers = publish(services, ben, visibility=Visibility.FOLLOWERS).id
    drain()
    for homes in (services.homes, by_database):
        assert home(homes, ben) == [for_followers, for_ada]
        assert home(homes, ada) == [for_followers]


def test_a_timeline_under_work_is_read_from_the_database_and_keeps_what_is_pushed(
    services: Services, ada: Viewer, ben: Viewer, drain: Callable[[], None]
) -> None:
    windows = services.homes._windows
    assert windows is not None
    graphs.follow(services, ada.account_id, ben.account_id)
    mark = windows.begin(ada.account_id)
    assert mark is not None
    assert windows.begin(ada.account_id) is None
    pushed = publish(services, ben).id
    drain()
    assert source(services.homes, ada) == "database"
    windows.finish(ada.account_id, mark, [], whole=True)  # read before it was written
    assert source(services.homes, ada) == "redis"
    assert home(services.homes, ada) == [pushed]


def test_who_builds_while_somebody_is_followed_builds_for_nothing(
    services: Services, ada: Viewer, ben: Viewer
) -> None:
    windows = services.homes._windows
    assert windows is not None
    written = publish(services, ben).id
    mark = windows.begin(ada.account_id)
    assert mark is not None
    graphs.follow(services, ada.account_id, ben.account_id)
    windows.finish(ada.account_id, mark, [], whole=True)
    assert source(services.homes, ada) == "rebuild"
    assert home(services.homes, ada) == [written]


def test_a_timeline_whose_builder_died_and_one_that_nobody_reads_end(
    services: Services, ada: Viewer, behind: redis.Redis
) -> None:
    windows = services.homes._windows
    assert windows is not None
    key = f"home:{ada.account_id}"
    windows.begin(ada.account_id)
    home(services.homes, ada)
    assert 0 < behind.ttl(key) <= 30
    behind.delete(key)
    home(services.homes, ada)
    assert 13 * 86_400 < behind.ttl(key) <= 14 * 86_400
    behind.expire(key, 100)
    home(services.homes, ada)
    assert behind.ttl(key) > 13 * 86_400


@pytest.mark.parametrize("changes", [{"popular_followers": 2}], indirect=True)
def test_a_popular_accounts_twoots_are_merged_when_they_are_read(
    services: Services,
    by_database: Homes,
    people: list[Viewer],
    behind: redis.Redis,
    drain: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(popular_module, "AHEAD_MS", 0)
    ada, ben, star, *others = people
    for viewer in (ada, *others):
        graphs.follow(services, viewer.account_id, star.account_id)
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    pushed = publish(services, star).id
    drain()
    assert services.homes._popular.is_popular(star.account_id)
    size = behind.zcard(f"home:{ada.account_id}")
    written = [publish(services, (star, ben)[number % 2]).id for number in range(10)]
    passed_on = graphs.retwoot(services, star.account_id, publish(services, ben))
    drain()
    expected = [passed_on, *written[::-1], pushed]
    assert behind.zcard(f"home:{ada.account_id}") == size + 6  # Ben's alone
    assert home(by_database, ada) == home(services.homes, ada) == expected
    assert source(services.homes, ada) == "redis"
    for rebuilt in (False, True):
        if rebuilt:
            behind.flushall()
        for page in (
            Page(3),
            *(Page(3, before=id_) for id_ in expected),
            *(Page(3, after=id_) for id_ in expected),
        ):
            assert services.homes.page(ada, page) == by_database.page(ada, page), page
    assert home(services.homes, star) == home(by_database, star)
    assert home(services.homes, ben) == home(by_database, ben)
