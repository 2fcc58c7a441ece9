"""Glances: home timelines that are read again cost one packet, and show what a process shows that remembers nothing."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pymysql
import pytest
from pydantic import SecretStr

from tests import graphs
from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain import ids as id_rules
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Item, Retwoot, Twoot, Visibility, item_id
from twooter.services import popular as popular_module
from twooter.services.cards import Cards
from twooter.services.glances import Glances
from twooter.services.homes import Homes
from twooter.services.house import Services
from twooter.storage import home_rows
from twooter.storage.home_rows import Reading, Seen, Window
from twooter.storage.homes import HomeWindows

BY_DATABASE = ["home_followed", "home_rows"]
HOUR_MS = 3_600_000


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in some people."""
    return [join(name) for name in ("ada", "ben", "cho", "dan")]


@pytest.fixture
def followed(services: Services, people: list[Viewer]) -> list[Viewer]:
    """Let the first follow two of the others, who write; return these two."""
    for other in people[1:3]:
        graphs.follow(services, people[0].account_id, other.account_id)
    for number in range(9):
        publish(services, people[1 + number % 2])
    return people[1:3]


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Return what fills with the packets sent to a server."""
    sent: list[Any] = []
    real = pymysql.connections.Connection._execute_command

    def execute(self: Any, command: int, sql: Any) -> None:
        sent.append(sql)
        real(self, command, sql)

    with monkeypatch.context() as patch:
        patch.setattr(pymysql.connections.Connection, "_execute_command", execute)
        yield sent


def publish(services: Services, viewer: Viewer, text: str = "Tea.", **more: Any) -> Twoot:
    return services.twoots.publish(viewer, Draft(text, **more)).twoot


def forgetful(services: Services, windows: HomeWindows | None = None) -> Homes:
    """Return home timelines that remember nothing, read from the database alone or from Redis as well."""
    return Homes(services.storage, Cards(services.storage), services.homes._popular, windows)


def ids(homes: Homes, viewer: Viewer, page: Page | None = None) -> list[int]:
    return [item_id(item) for item in homes.page(viewer, page or Page()).items]


def test_a_page_that_is_as_it_was_is_one_packet(
    services: Services, people: list[Viewer], followed: list[Viewer], packets: list[Any]
) -> None:
    first = services.homes.page(people[0], Page(5))
    packets.clear()
    with recorded(services.storage) as names:
        assert services.homes.page(people[0], Page(5)) == first
    assert names[:2] == BY_DATABASE
    assert len(names) == len(set(names))
    assert len(packets) == services.storage.mysql


def test_what_is_new_costs_a_packet_more(
    services: Services, people: list[Viewer], followed: list[Viewer], packets: list[Any]
) -> None:
    was = ids(services.homes, people[0], Page(5))
    new = [publish(services, other).id for other in followed]
    packets.clear()
    with recorded(services.storage) as names:
        assert ids(services.homes, people[0], Page(5)) == [*new[::-1], *was[:3]]
    assert [name for name in names if name in BY_DATABASE] == BY_DATABASE
    assert len(packets) == 2 * services.storage.mysql


def test_whom_one_follows_since_is_there_at_once_and_whom_one_does_not_is_gone(
    services: Services, people: list[Viewer], followed: list[Viewer]
) -> None:
    ada, ben, _, dan = people
    was, theirs = ids(services.homes, ada), [publish(services, dan).id for _ in range(3)]
    graphs.follow(services, ada.account_id, dan.account_id)
    assert ids(services.homes, ada) == sorted([*was, *theirs], reverse=True)
    graphs.unfollow(services, ada.account_id, ben.account_id)
    for _ in range(2):
        found = services.homes.page(ada, Page()).items
        assert {author_of(item) for item in found} == {people[2].account_id, dan.account_id}


def author_of(item: Item) -> int:
    return (item.card if isinstance(item, Retwoot) else item).author.id


@pytest.mark.parametrize(
    ("changes", "first_ms"),
    [({"popular_followers": 100}, 40), ({"popular_followers": 2}, home_rows.FIRST_WINDOWS_MS)],
    indirect=["changes"],
)
def test_whatever_happens_pages_are_those_of_who_remembers_nothing(
    services: Services,
    people: list[Viewer],
    drain: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    first_ms: int,
) -> None:
    monkeypatch.setattr(home_rows, "FIRST_WINDOWS_MS", first_ms)
    monkeypatch.setattr(popular_module, "AHEAD_MS", 0)
    random, made, remembering = Random(first_ms), [publish(services, people[0])], forgetful(services)
    for number in range(90):
        change(services, random, people, made)
        if number % 3 == 0:
            drain()
            reader, page = random.choice(people), some_page(random, made)
            windows = services.homes._windows
            assert remembering.page(reader, page) == forgetful(services).page(reader, page)
            assert services.homes.page(reader, page) == forgetful(services, windows).page(reader, page)


def change(services: Services, random: Random, people: list[Viewer], made: list[Twoot]) -> None:
    """Let somebody write, pass on, take that back, delete, follow or unfollow."""
    (one, other), twoot, what = random.sample(people, 2), random.choice(made), random.random()
    if what < 0.45:
        made.append(publish(services, one, visibility=random.choice([*Visibility, Visibility.PUBLIC])))
    elif what < 0.55:
        graphs.retwoot(services, one.account_id, twoot)
    elif what < 0.65:
        graphs.take_back(services, one.account_id, twoot)
    elif what < 0.72 and len(made) > 1:
        made.remove(twoot)
        services.twoots.delete(next(it for it in people if it.account_id == twoot.author_id), twoot.id)
    elif what < 0.9:
        services.follows.follow(one, other.account_id)
    else:
        services.follows.unfollow(one, other.account_id)


def some_page(random: Random, made: list[Twoot]) -> Page:
    """Return the newest page more often than others."""
    limit, id_ = random.choice((3, 8)), random.choice(made).id
    return random.choice((Page(limit), Page(limit), Page(limit, before=id_), Page(limit, after=id_)))


@pytest.fixture
def changes(redis_url: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Ask for Redis, and for what a test wants besides."""
    asked = {"cache_url": SecretStr(redis_url), "home_entries": 30, "cache_timeout_seconds": 1.0}
    return {**asked, **request.param} if hasattr(request, "param") else {}


def test_windows_reach_down_to_where_a_page_was_and_no_further() -> None:
    now_ms, bottom = 10**12, id_at(10**12 - 900 * HOUR_MS)
    # an hour of five hundred accounts would be short: all since is read with what was a page then
    at_once = Reading(Page(20), now_ms, seen=Seen(bottom, now_ms - 1_000))
    assert next(at_once.windows(500)) == Window(bottom, home_rows.END)
    # what came since two hours ago is looked at first
    later = Reading(Page(20), now_ms, seen=Seen(bottom, now_ms - 2 * HOUR_MS)).windows(500)
    first = id_at(now_ms - HOUR_MS)
    assert [next(later), next(later)] == [Window(first, home_rows.END), Window(bottom, first)]
    # and a page that was full of the last minute is not read for an hour
    soon = id_at(now_ms - 60_000)
    assert next(Reading(Page(20), now_ms, seen=Seen(soon, now_ms)).windows(500)).low == soon


def test_windows_leave_nothing_out_and_end() -> None:
    now_ms = 10**12
    for seen in (None, Seen(0, now_ms), Seen(id_at(now_ms - 70 * HOUR_MS), now_ms - 5 * HOUR_MS)):
        for page in (Page(20), Page(20, before=id_at(now_ms - HOUR_MS)), Page(20, after=id_at(5))):
            for edge in (None, id_at(now_ms - 300 * HOUR_MS)):
                reading = Reading(page, now_ms, edge, seen if page == Page(20) else None)
                windows = list(reading.windows(500))
                assert len(windows) < 12
                if page.after is None:
                    windows.reverse()
                assert windows[0].low == (page.after + 1 if page.after is not None else edge or 0)
                assert windows[-1].high == (
                    page.before or home_rows.END if page.after is None else edge or home_rows.END
                )
                assert all(a.high == b.low for a, b in pairwise(windows))


def id_at(time_ms: int) -> int:
    return id_rules.first_at(time_ms)


def test_glances_are_bounded(services: Services, people: list[Viewer], followed: list[Viewer]) -> None:
    services.homes.page(people[0], Page())
    glance = services.homes._glances.find(people[0].account_id)
    assert glance is not None
    kept = Glances()
    for account_id in range(20_000):
        kept.keep(account_id % 15_000, glance)
    assert 100 < len(kept._kept) < 8_000
    assert kept.find(4_999) == glance
