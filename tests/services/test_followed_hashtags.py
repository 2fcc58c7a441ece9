"""Followed hashtags: what enters the home timeline, the same with Redis and without."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from tests import graphs
from tests.queries import recorded
from tests.services.conftest import HOME, SignIn
from twooter.domain import grammar
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Visibility, item_id
from twooter.errors import Conflict, NotFound
from twooter.services import followed_hashtags as service
from twooter.services.cards import Cards
from twooter.services.edits import Change
from twooter.services.homes import Homes
from twooter.services.house import Services

Drain = Callable[[], None]
KEPT = 20
"""Rows that Redis keeps here."""


@pytest.fixture
def changes(redis_url: str) -> dict[str, Any]:
    """Ask for Redis, for small timelines, and for an answer on a busy machine."""
    return {"cache_url": SecretStr(redis_url), "home_entries": KEPT, "cache_timeout_seconds": 1.0}


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in some people, who are asked for their hashtags as at their next request."""
    return [replace(join(name), follows_hashtags=True) for name in ("ada", "ben", "cho", "dan")]


@pytest.fixture
def both(services: Services) -> tuple[Homes, Homes]:
    """Return home timelines with Redis and without."""
    return services.homes, Homes(services.storage, Cards(services.storage), services.homes._popular, None)


def publish(services: Services, viewer: Viewer, text: str, **more: Any) -> int:
    return services.twoots.publish(viewer, Draft(text, **more)).twoot.id


def home(homes: Homes, viewer: Viewer, page: Page | None = None) -> list[int]:
    return [item_id(item) for item in homes.page(viewer, page or Page(100)).items]


def followed(services: Services, viewer: Viewer) -> list[str]:
    return [found.name for found in services.followed_hashtags.fetch(viewer, Page(100)).items]


def test_what_is_written_under_a_followed_hashtag_is_at_home(
    services: Services, people: list[Viewer], both: tuple[Homes, Homes], drain: Drain
) -> None:
    ada, ben, cho, dan = people
    graphs.follow(services, ada.account_id, ben.account_id)
    old = publish(services, cho, "Old #tea")
    for homes in both:
        assert home(homes, ada) == []
    services.followed_hashtags.follow(ada, "TEA")
    services.followed_hashtags.follow(ada, "cake")
    shown = publish(services, cho, "#Tea and #cake")
    friends = publish(services, ben, "My #tea")
    own = publish(services, ada, "Mine, #tea")
    publish(services, dan, "#tea, but not for all", visibility=Visibility.UNLISTED)
    publish(services, dan, "#coffee")
    drain()
    edited = publish(services, dan, "Soon #cake")
    services.edits.edit(dan, edited, Change(text="No more"))
    for homes in both:
        assert home(homes, ada) == [own, friends, shown, old]
        assert home(homes, cho) == [shown, old]
    services.twoots.delete(cho, shown)
    services.followed_hashtags.unfollow(ada, "cake")
    services.followed_hashtags.unfollow(ada, "tEa")
    for homes in both:
        assert home(homes, ada) == [own, friends]


def test_blocks_mutes_and_protection_hold(
    services: Services, people: list[Viewer], both: tuple[Homes, Homes], drain: Drain
) -> None:
    ada, ben, cho, dan = people
    services.followed_hashtags.follow(ada, "tea")
    for writer in (ben, cho, dan):
        publish(services, writer, "#tea")
    last = publish(services, people[1], "@ada #tea", visibility=Visibility.MENTIONED)
    services.blocks.block(ben, ada.account_id)
    services.relationships.mute(ada, cho.account_id, seconds=None)
    services.accounts.change_profile(dan, display_name=None, bio=None, protected=True)
    drain()
    for homes in both:
        assert home(homes, ada) == []
    services.blocks.unblock(ben, ada.account_id)
    drain()
    for homes in both:
        found = home(homes, ada)
        assert len(found) == 1
        assert last not in found


def test_both_ways_cut_the_same_pages_in_both_directions(
    services: Services, people: list[Viewer], both: tuple[Homes, Homes], drain: Drain
) -> None:
    ada, ben, *_ = people
    graphs.follow(services, ada.account_id, ben.account_id)
    names, random = [f"tag{number}" for number in range(25)], Random(7)
    for name in names[:23]:
        services.followed_hashtags.follow(ada, name)
    home(services.homes, ada)
    expected = []
    for _ in range(3 * KEPT):
        writer, tags = random.choice(people), random.sample(names, random.randrange(3))
        made = publish(services, writer, "Hm " + " ".join(f"#{tag}" for tag in tags))
        if writer in (ada, ben) or set(tags) & set(names[:23]):
            expected.append(made)
    drain()
    expected.reverse()
    for homes in both:
        assert home(homes, ada) == expected
        for at, id_ in enumerate(expected):
            assert home(homes, ada, Page(5, before=id_)) == expected[at + 1 : at + 6]
            assert home(homes, ada, Page(5, after=id_)) == expected[max(0, at - 5) : at]
    for place in (Page(5), Page(5, before=expected[9]), Page(5, after=expected[9])):
        assert both[0].page(ada, place) == both[1].page(ada, place)


def test_a_page_costs_two_round_trips_more_and_nothing_for_whom_it_is_not(
    services: Services, people: list[Viewer], drain: Drain, join: SignIn
) -> None:
    ada = people[0]
    for number in range(12):
        services.followed_hashtags.follow(ada, f"tag{number}")
    for number in range(40):
        publish(services, people[number % 4], f"#tag{number % 12} #tag1")
    drain()
    reader = join("eve")
    assert not reader.follows_hashtags
    home(services.homes, ada)
    home(services.homes, reader)
    with recorded(services.storage) as plain:
        home(services.homes, reader)
    assert not [name for name in plain if "hashtag" in name]
    with recorded(services.storage) as names:
        assert len(home(services.homes, ada, Page(20))) == 20
    assert [name for name in names if "hashtag" in name] == [
        "followed_hashtag_ids",
        *["followed_hashtags_newest"] * 2,
    ]


def test_a_token_says_from_the_next_request_on_whether_to_look(services: Services, join: SignIn) -> None:
    def again(viewer: Viewer) -> Viewer:
        proof = services.tokens.issue(viewer.account_id, Client(HOME)).bearer
        return replace(services.authenticate(proof), token_id=viewer.token_id)

    ada = join("ada")
    assert not ada.follows_hashtags
    services.followed_hashtags.follow(ada, "tea")
    assert again(ada) == replace(ada, follows_hashtags=True)
    services.followed_hashtags.follow(ada, "cake")
    services.followed_hashtags.unfollow(ada, "tea")
    assert again(ada).follows_hashtags
    services.followed_hashtags.unfollow(ada, "cake")
    assert again(ada) == ada


def test_following_is_idempotent_in_any_spelling_and_of_what_can_be_a_hashtag(
    services: Services, people: list[Viewer]
) -> None:
    ada = people[0]
    publish(services, people[1], "#Tea")
    for name in ("tea", "TEA", "\N{FULLWIDTH LATIN CAPITAL LETTER T}ea", "cake", "tea"):
        services.followed_hashtags.follow(ada, name)
    assert followed(services, ada) == ["cake", "Tea"]
    assert followed(services, people[1]) == []
    for bad in ("1", "two words", "", " ", "#tea", "x" * 101, "a-b", "\0"):
        with pytest.raises(NotFound):
            services.followed_hashtags.follow(ada, bad)
        services.followed_hashtags.unfollow(ada, bad)
    assert services.hashtags.find_id(grammar.tag_key("a-b")) is None
    for _ in range(2):
        services.followed_hashtags.unfollow(ada, "tEA")
    assert followed(services, ada) == ["cake"]


def test_a_list_of_them_is_read_to_its_end_in_both_directions(
    services: Services, people: list[Viewer]
) -> None:
    names = [f"tag{number}" for number in range(7)]
    for name in names:
        services.followed_hashtags.follow(people[0], name)
    found, page = [], services.followed_hashtags.fetch(people[0], Page(3))
    first = page
    while True:
        found += [one.name for one in page.items]
        if page.next_before is None:
            break
        page = services.followed_hashtags.fetch(people[0], Page(3, before=page.next_before))
    assert found == names[::-1]
    assert page.prev_after is not None
    back = services.followed_hashtags.fetch(people[0], Page(3, after=page.prev_after))
    assert [one.name for one in back.items] == names[1:4][::-1]
    assert first.prev_after is not None
    assert not services.followed_hashtags.fetch(people[0], Page(3, after=first.prev_after)).items


def test_at_most_so_many_are_followed_also_at_once(
    services: Services, people: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_FOLLOWED", 3)

    def attempt(number: int) -> str:
        try:
            services.followed_hashtags.follow(people[0], f"tag{number}")
        except Conflict as ex:
            return ex.code
        return "followed"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(attempt, range(8)))
    assert said == ["followed"] * 3 + ["too_many_hashtags"] * 5
    assert attempt(int(followed(services, people[0])[0].removeprefix("tag"))) == "followed"


def test_a_deleted_account_follows_no_hashtags(
    services: Services, people: list[Viewer], drain: Drain
) -> None:
    for number in range(3):
        services.followed_hashtags.follow(people[0], f"tag{number}")
    services.deletions.request(people[0])
    drain()
    found = services.storage.database.execute_sql("SELECT COUNT(*) FROM followed_hashtags")
    assert found.fetchone()[0] == 0
    with pytest.raises(NotFound):
        services.followed_hashtags.follow(people[0], "tag1")
