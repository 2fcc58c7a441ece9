"""Repeats: a twoot is shown once within the rows above it, whichever pages they are on, and the same on both ways."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from tests import graphs
from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.test_homes import home, ids, publish, read_all
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page
from twooter.services.cards import Cards
from twooter.services.homes import Homes
from twooter.services.house import Services

Drain = Callable[[], None]


@pytest.fixture
def changes(redis_url: str) -> dict[str, Any]:
    """Ask for Redis, and for an answer on a busy machine."""
    return {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}


@pytest.fixture
def both(services: Services) -> tuple[Homes, Homes]:
    """Return home timelines from Redis and from the database."""
    return services.homes, Homes(services.storage, Cards(services.storage), services.homes._popular, None)


@pytest.fixture
def people(services: Services, join: SignIn) -> list[Viewer]:
    """Return somebody who reads, three whom it follows, and one whom it does not."""
    ada, *others = [join(name) for name in ("ada", "ben", "cho", "dan", "eve")]
    for other in others[:3]:
        graphs.follow(services, ada.account_id, other.account_id)
    return [ada, *others]


def test_what_several_pass_on_is_shown_once_on_the_way_down_and_up(
    services: Services, both: tuple[Homes, Homes], people: list[Viewer], drain: Drain
) -> None:
    ada, ben, cho, dan, eve = people
    home(services.homes, ada)
    bens, eves = publish(services, ben), publish(services, eve)
    first = graphs.retwoot(services, ben.account_id, eves)
    between = [publish(services, dan).id for _ in range(5)]
    graphs.retwoot(services, cho.account_id, eves)
    again = graphs.retwoot(services, cho.account_id, bens)
    last = [publish(services, dan).id for _ in range(2)]
    newest = graphs.retwoot(services, dan.account_id, eves)
    drain()
    expected = [newest, *last[::-1], again, *between[::-1]]
    for homes in both:
        for limit in (1, 3, 4, 100):
            assert ids(read_all(homes, ada, limit)) == expected
        upward, found = list[int](), homes.page(ada, Page(3, after=first))
        while found.prev_after is not None and found.items:
            upward = ids(found.items) + upward
            found = homes.page(ada, Page(3, after=found.prev_after))
        assert upward == expected


def test_what_is_not_shown_above_hides_nothing_below(
    services: Services, both: tuple[Homes, Homes], people: list[Viewer], drain: Drain
) -> None:
    ada, ben, cho, dan, eve = people
    home(services.homes, ada)
    twoot, taken_back = publish(services, eve), publish(services, eve)
    rows = [graphs.retwoot(services, ben.account_id, it) for it in (twoot, taken_back)]
    between = publish(services, ben).id
    graphs.retwoot(services, cho.account_id, twoot)
    graphs.retwoot(services, dan.account_id, taken_back)
    drain()
    services.relationships.mute(ada, cho.account_id, seconds=None)
    graphs.take_back(services, dan.account_id, taken_back)
    drain()
    for homes in both:
        for limit in (1, 2, 100):
            assert ids(read_all(homes, ada, limit)) == [between, *rows[::-1]]


def test_beyond_the_window_it_is_shown_again(
    services: Services,
    both: tuple[Homes, Homes],
    people: list[Viewer],
    drain: Drain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, ben, cho, dan, eve = people
    home(services.homes, ada)
    near, far = publish(services, eve), publish(services, eve)
    rows = [graphs.retwoot(services, ben.account_id, it) for it in (far, near)]
    publish(services, ben)
    graphs.retwoot(services, cho.account_id, near)
    for _ in range(3):
        publish(services, dan)
    graphs.retwoot(services, cho.account_id, far)
    drain()
    monkeypatch.setattr("twooter.services.repeats.WINDOW", 4)
    for homes in both:
        shown = ids(read_all(homes, ada, 2))
        assert rows[0] in shown
        assert rows[1] not in shown


def test_a_page_behind_a_cursor_costs_the_same_whatever_is_above_it(
    services: Services, both: tuple[Homes, Homes], people: list[Viewer], drain: Drain
) -> None:
    ada, ben, cho, _, eve = people
    for homes, limits in zip(both, ((1, 6), (1, 6)), strict=True):
        costs = []
        for count in limits:
            for _ in range(count):
                twoot = publish(services, eve)
                graphs.retwoot(services, ben.account_id, twoot)
                graphs.retwoot(services, cho.account_id, twoot)
            drain()
            page = Page(1, before=ids(homes.page(ada, Page(count)).items)[-1])
            homes.page(ada, page)
            with recorded(services.storage) as names:
                homes.page(ada, page)
            costs.append([name for name in names if name != "popular_accounts"])  # asked every few seconds
        assert costs[0] == costs[1]
