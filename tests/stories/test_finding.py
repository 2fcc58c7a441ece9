"""Stories of finding: lists, followed hashtags, and search."""

from datetime import UTC, datetime, timedelta

from tests.stories.conftest import Meet
from tests.stories.people import missing, soon


def test_a_list_shows_its_members_alone_and_only_to_its_owner(meet: Meet) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    for other in (bob, carol):
        ada.follows(other)
    cooks = ada.does("POST", "/v1/lists", {"title": "Cooks"})["id"]
    ada.does("PUT", f"/v1/lists/{cooks}/accounts/{bob.id}")
    soup, engine = bob.says("Soup"), carol.says("Engines")
    soon("ada's home timeline", lambda: {soup, engine} <= set(ada.home()))
    assert ada.ids(f"/v1/timelines/lists/{cooks}") == [soup]
    assert missing(bob, f"/v1/lists/{cooks}")
    assert missing(bob, f"/v1/timelines/lists/{cooks}")
    ada.does("DELETE", f"/v1/lists/{cooks}/accounts/{bob.id}")
    assert ada.ids(f"/v1/timelines/lists/{cooks}") == []


def test_a_followed_hashtag_brings_strangers_home(meet: Meet) -> None:
    ada, stranger = meet("ada"), meet("stranger")
    tag = f"garden{ada.id}"
    ada.does("PUT", f"/v1/hashtags/{tag}/follow")
    twoot = stranger.says(f"Beans! #{tag}")
    soon("the twoot at home", lambda: twoot in ada.home())
    ada.does("DELETE", f"/v1/hashtags/{tag}/follow")
    assert twoot not in ada.home()


def test_search_finds_words_phrases_and_people_but_nothing_hidden(meet: Meet) -> None:
    ada, bob, eve = meet("ada"), meet("bob"), meet("eve")
    word = f"quokka{ada.id}"
    open_one = ada.says(f"A small {word} smiles")
    other = ada.says(f"It smiles, a small thing, the {word}")
    ada.says(f"Only for friends: {word}", visibility="followers")
    ends = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    asked = ada.says("Which one?", poll={"options": ["Koala", f"Kiwi{word}"], "expires_at": ends})
    soon("the poll", lambda: bob.ids(f"/v1/search?q=which+kiwi{word}") == [asked])
    soon("both twoots", lambda: set(bob.ids(f"/v1/search?q={word}")) == {open_one, other})
    assert bob.ids(f"/v1/search?q=%22small+{word}%22+from:{ada.name}") == [open_one]
    assert bob.ids(f"/v1/search?q={word}+from:{bob.name}") == []
    assert bob.ids(f"/v1/search?type=accounts&q={ada.name}") == [ada.id]
    ada.does("PUT", f"/v1/accounts/{eve.id}/block")
    assert eve.ids(f"/v1/search?q={word}") == []
    assert eve.ids(f"/v1/search?type=accounts&q={ada.name}") == []
