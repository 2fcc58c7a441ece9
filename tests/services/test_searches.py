"""Searches: the same found on every database, by whoever may see it, to the very end of the past."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.happenings import History
from twooter.domain import ids, words
from twooter.domain.accounts import Account, Role, Viewer
from twooter.domain.pages import Page, Slice
from twooter.domain.searches import MAX_TOKENS
from twooter.domain.twoots import Card, Draft, Flags, Item, Visibility, item_id
from twooter.services import searches
from twooter.services.edits import Change
from twooter.services.house import Services

Drain = Callable[[], None]
DAY_MS = 86_400_000
# words that databases pass over by themselves, and scripts without spaces
VOCABULARY = [
    "a",
    "the",
    "i",
    "to",
    "cat",
    "Cats",
    "über",
    "x9",
    "don't",
    "猫",
    "東京都",
    "京都",
    "คน",
    "❤️",
    "zzz",
]


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who writes."""
    return join("ada")


def found(services: Services, text: str, viewer: Viewer | None = None, **page: int) -> list[int]:
    return [item_id(item) for item in services.searches.twoots(text, Page(**page), viewer).items]


def publish(services: Services, viewer: Viewer, *texts: str) -> list[int]:
    return [services.twoots.publish(viewer, Draft(text)).twoot.id for text in texts]


def every(read: Callable[[Page], Slice[Item]], limit: int) -> list[int]:
    """Return what is on all pages, first to last."""
    seen, page = list[int](), read(Page(limit))
    while True:
        assert len(page.items) <= limit
        seen += map(item_id, page.items)
        if page.next_before is None:
            return seen
        page = read(Page(limit, before=page.next_before))


def test_what_is_found_is_what_holds_all_words_and_phrases(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    rng = random.Random(7)
    texts = {}
    for _ in range(60):
        text = " ".join(rng.choices(VOCABULARY, k=rng.randint(1, 7)))
        texts[publish(services, ada, text)[0]] = f" {' '.join(words.of_text(text))} "
    drain()
    for _ in range(120):
        asked = [
            " ".join(rng.choices(VOCABULARY, k=rng.choice([1, 1, 2, 3]))) for _ in range(rng.randint(1, 3))
        ]
        # one piece of a text without spaces finds it in longer ones: not what this model knows
        asked = [part for part in asked if not set(part) & set("猫京คน")] or ["the"]
        expected = [
            id_
            for id_, text in texts.items()
            if all(f" {' '.join(words.of_text(part))} " in text for part in asked)
        ]
        query = " ".join(f'"{part}"' for part in asked)
        assert found(services, query, limit=100) == sorted(expected, reverse=True), query


def test_pieces_of_scripts_without_spaces_are_found_in_longer_ones(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    tower, cat, capital = publish(services, ada, "東京タワーへ行く", "黒猫と猫", "京都が好き")
    drain()
    for text, expected in {
        "東京": [tower],
        "京": [capital, tower],
        "猫": [cat],
        "京タワー": [tower],
        "タワ 東京": [tower],
        "都京": [],
        "猫黒": [],
    }.items():
        assert found(services, text) == expected, text


def test_filters_narrow_what_words_find(services: Services, join: SignIn, ada: Viewer, drain: Drain) -> None:
    ben, history = join("ben"), History(services)
    now_ms = services.ids.now_ms()
    old = history.archive(ada, now_ms - 10 * DAY_MS, "old #tea")
    older = history.archive(ada, now_ms - 400 * DAY_MS, "older #Tea")
    mine, his = publish(services, ada, "new #tea")[0], publish(services, ben, "tea without a tag")[0]
    drain()
    day = {days: _day(now_ms - days * DAY_MS) for days in (0, 9, 10, 11)}
    for text, expected in {
        "tea": [his, mine, old, older],
        "#tea": [mine, old, older],
        "#TEA from:ada": [mine, old, older],
        "from:@ben": [his],
        "from:ben from:ada": [],
        "from:nobody tea": [],
        f"tea since:{day[10]}": [his, mine, old],
        f"tea since:{day[9]}": [his, mine],
        f"tea until:{day[10]}": [old, older],
        f"tea until:{day[11]}": [older],
        f"tea since:{day[10]} until:{day[10]}": [old],
        f"tea since:{day[9]} until:{day[10]}": [],
        f"since:{day[10]}": [],
        "tea since:9999-12-31": [],
        "tea until:0001-01-01": [],
    }.items():
        assert found(services, text) == expected, text


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


OPERATORS = [
    "+",
    "-",
    "(",
    ")",
    '"',
    "*",
    "@",
    "~",
    "<",
    ">",
    "' OR 1=1 --",
    "%",
    "\\",
    "NEAR(",
    "^",
    ":",
    "{",
    "\0",
]


def test_no_operator_of_a_database_means_anything(services: Services, ada: Viewer, drain: Drain) -> None:
    cat = publish(services, ada, "cat sat")
    drain()
    rng = random.Random(3)
    for operator in OPERATORS:
        assert found(services, operator) == []
        for text in (f"{operator}cat", f"cat{operator}", f'"cat {operator} sat"', f"cat {operator} sat"):
            if not any(map(str.isalnum, operator)):  # what is a word is asked for
                assert found(services, text) == cat, text
    for _ in range(50):
        assert isinstance(found(services, "".join(rng.choices([*OPERATORS, "cat", " "], k=12))), list)


def test_only_what_the_viewer_may_see_is_found(
    services: Services, join: SignIn, ada: Viewer, drain: Drain
) -> None:
    ben, cho, dan = join("ben"), join("cho"), join("dan")
    public = publish(services, ada, "secret word")[0]
    for visibility in set(Visibility) - {Visibility.PUBLIC}:
        services.twoots.publish(ada, Draft("secret word @ben", visibility=visibility))
    services.blocks.block(ada, ben.account_id)
    services.blocks.block(cho, ada.account_id)
    services.relationships.mute(dan, ada.account_id, seconds=None)
    drain()
    seen = {None: [public], ada: [public], ben: [], cho: [], dan: []}
    assert {viewer: found(services, "secret", viewer) for viewer in seen} == seen
    assert found(services, "from:ada", ben) == []
    services.accounts.change_profile(ada, display_name=None, bio=None, protected=True)
    assert found(services, "secret") == []
    assert found(services, "secret", ada) == [public]
    services.accounts.suspend("ada")
    assert found(services, "secret", cho) == []


def test_what_is_deleted_is_not_found_and_what_is_edited_only_by_its_new_words(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    gone, changed = publish(services, ada, "first words #old", "second words #old")
    drain()
    services.twoots.delete(ada, gone)
    services.edits.edit(ada, changed, Change(text="third thoughts #new"))
    assert found(services, "words") == []  # before any worker knows
    drain()
    for text, expected in {"words": [], "#old": [], "thoughts": [changed], "#new": [changed]}.items():
        assert found(services, text) == expected, text


@pytest.mark.parametrize("spread_days", [0, 10, 300])
def test_paging_goes_to_the_end_of_the_past_and_back_without_loss(
    services: Services, ada: Viewer, drain: Drain, monkeypatch: pytest.MonkeyPatch, spread_days: int
) -> None:
    monkeypatch.setattr(searches, "MAX_WINDOWS", 6)
    history, now_ms, rng = History(services), services.ids.now_ms(), random.Random(5)
    written = sorted(
        history.archive(ada, now_ms - rng.randint(0, spread_days * DAY_MS), f"cup {number % 2} of tea")
        for number in range(21)
    )
    drain()

    def read(page: Page) -> Slice[Item]:
        return services.searches.twoots('"of tea"', page, None)

    assert every(read, 4) == written[::-1]
    newer, after = list[int](), written[0] - 1
    while len(newer) < len(written):
        page = read(Page(4, after=after))
        newer += [item_id(item) for item in page.items][::-1]
        assert page.prev_after is not None
        assert page.prev_after > after
        after = page.prev_after
    assert newer == written


def test_a_search_that_finds_little_looks_at_a_bounded_part_of_the_past(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    history = History(services)
    rare = history.archive(ada, ids.EPOCH_MS + DAY_MS, "rare")
    common = publish(services, ada, "common", "common")[-1]
    drain()
    with recorded(services.storage) as names:
        page = services.searches.twoots("rare", Page(5), None)
    assert names.count("search_newest_first") == searches.MAX_WINDOWS
    assert (page.items, page.next_before is not None) == ([], True)
    assert every(lambda page: services.searches.twoots("rare", page, None), 5) == [rare]
    with recorded(services.storage) as names:
        assert found(services, "common", limit=1) == [common]
        assert found(services, "rare until:2000-01-31") == [rare]
    assert names.count("search_newest_first") < searches.MAX_WINDOWS


def people(services: Services, text: str, viewer: Viewer | None = None, limit: int = 20) -> list[str]:
    """Return the usernames on all pages."""
    page, seen = services.searches.accounts(text, Page(limit), viewer), list[Account]()
    while True:
        assert len(page.items) <= limit
        seen += page.items
        if page.next_before is None:
            return [account.username for account in seen]
        page = services.searches.accounts(text, Page(limit, before=page.next_before), viewer)


def test_accounts_are_found_by_the_beginnings_of_their_names(
    services: Services, join: SignIn, ada: Viewer
) -> None:
    join("adam")
    byron = join("byron_ada")
    services.accounts.change_profile(byron, display_name="Augusta  ÁDA, Countess", bio=None)
    assert people(services, "ada") == ["ada", "byron_ada", "adam"]
    for text, expected in {
        "@ADA": ["ada", "byron_ada", "adam"],
        "adam": ["adam"],
        "áda count": ["byron_ada"],
        "byron_": ["byron_ada"],
        "augusta": ["byron_ada"],
        "gusta": [],
        "%": [],
        "_": [],
        "+": [],
    }.items():
        assert people(services, text) == expected, text
    services.accounts.change_profile(byron, display_name="Somebody", bio=None)
    assert people(services, "augusta") == []
    assert people(services, "some") == ["byron_ada"]
    services.accounts.suspend("adam")
    services.deletions.request(ada)
    assert people(services, "ada") == ["byron_ada"]


def test_whom_one_follows_comes_first_and_nobody_comes_twice(
    services: Services, join: SignIn, ada: Viewer, drain: Drain
) -> None:
    everybody = [join(f"tea_{number:02}") for number in range(14)]
    for viewer in everybody[::2]:
        services.accounts.change_profile(viewer, display_name=f"Tea {viewer.username}", bio=None)
    followed = [everybody[3], everybody[8], everybody[12]]
    for viewer in followed:
        services.follows.follow(ada, viewer.account_id)
    drain()
    first = sorted(viewer.username for viewer in followed)
    names = [viewer.username for viewer in everybody]
    rest = [name for name in names if name not in first]
    assert people(services, "tea", limit=100) == names
    for limit in (1, 2, 3, 5, 100):
        shown = people(services, "tea", ada, limit)
        if limit >= len(first):
            assert shown == first + rest
        assert sorted(shown) == names
    services.blocks.block(everybody[8], ada.account_id)
    services.blocks.block(ada, everybody[0].account_id)
    drain()
    assert set(names) - set(people(services, "tea", ada)) == {"tea_08", "tea_00"}
    assert people(services, "tea", None, 100) == names


def test_silenced_accounts_are_found_by_their_followers_and_themselves(
    services: Services, join: SignIn, ada: Viewer, drain: Drain
) -> None:
    judge = replace(join("judge"), role=Role.MODERATOR)
    loud, follower = join("loud"), join("follower")
    services.follows.follow(follower, loud.account_id)
    drain()
    services.moderation.silence(judge, loud.account_id, "Shouts.")
    for viewer in (None, ada, judge):
        assert people(services, "lou", viewer) == []
    for viewer in (follower, loud):
        assert people(services, "lou", viewer) == ["loud"]
    services.moderation.unsilence(judge, loud.account_id)
    assert people(services, "lou") == ["loud"]


def test_hashtags_are_found_by_their_beginning_the_most_used_first(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    publish(services, ada, "#tea #teapot", "#tea", "#toast")
    drain()
    for text, expected in {
        "#te": ["tea", "teapot"],
        "TEA": ["tea", "teapot"],
        "#": [],
        "+": [],
        "x": [],
    }.items():
        assert [tag.name for tag in services.searches.hashtags(text, Page()).items] == expected, text


def test_the_viewers_own_flags_come_with_what_is_found(services: Services, ada: Viewer, drain: Drain) -> None:
    publish(services, ada, "mine")
    drain()
    for viewer, flags in ((None, None), (ada, Flags())):
        (item,) = services.searches.twoots("mine", Page(), viewer).items
        assert isinstance(item, Card)
        assert item.flags == flags


def test_a_long_question_is_no_dearer_than_a_short_one(services: Services, ada: Viewer, drain: Drain) -> None:
    History(services).archive(ada, ids.EPOCH_MS + DAY_MS, "rare")
    publish(services, ada, "common")
    drain()
    text = " ".join(f"word{number}" for number in range(searches.MAX_LOOKED_UP))
    with recorded(services.storage) as names:
        page = services.searches.twoots(text, Page(5), None)
    assert names.count("search_newest_first") <= searches.MAX_WINDOWS
    assert page.next_before is not None
    looked_at = words.window_of(services.ids.make()) - words.window_of(page.next_before)
    assert looked_at * MAX_TOKENS <= searches.MAX_LOOKED_UP_IN_ALL + searches.MAX_LOOKED_UP
