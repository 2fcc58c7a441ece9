"""Stories of conversations: replies, what becomes of a deleted one, and edits."""

from tests.stories.conftest import Meet
from tests.stories.people import Person, missing, soon


def test_a_conversation_goes_on_below_a_twoot_that_is_gone(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    top = ada.says("What are you reading?")
    middle = bob.says("A novel", reply_to=top)
    bottom = ada.says("Which one?", reply_to=middle)
    soon("the whole thread", lambda: ada.ids(f"/v1/twoots/{top}/thread") == [middle, bottom])
    soon("the count", lambda: ada.sees(f"/v1/twoots/{top}")["counts"]["replies"] == 1)
    bob.does("DELETE", f"/v1/twoots/{middle}")
    assert missing(ada, f"/v1/twoots/{middle}")
    thread = ada.sees(f"/v1/twoots/{bottom}/thread")
    assert [(one["id"], one["type"]) for one in thread["ancestors"]] == [(top, "twoot"), (middle, "gone")]
    assert ada.ask("POST", "/v1/twoots", {"text": "Hm", "reply_to": middle}).status in (404, 422)
    soon("no reply", lambda: ada.sees(f"/v1/twoots/{top}")["counts"]["replies"] == 0)


def test_an_edit_moves_hashtags_and_tells_only_the_newly_mentioned(meet: Meet) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    old, new = f"old{ada.id}", f"new{ada.id}"
    twoot = ada.says(f"Hello @{bob.name} #{old}")
    soon("the mention", lambda: bob.told() == [("mention", ada.name)])
    soon("the hashtag's use", lambda: uses(ada, old) == 1)
    ada.does("PATCH", f"/v1/twoots/{twoot}", {"text": f"Hello @{bob.name} and @{carol.name} #{new}"})
    soon("carol's mention", lambda: carol.told() == [("mention", ada.name)])
    soon("the hashtags' uses", lambda: (uses(ada, old), uses(ada, new)) == (0, 1))
    assert bob.told() == [("mention", ada.name)]
    assert ada.ids(f"/v1/timelines/tags/{old}") == []
    assert ada.ids(f"/v1/timelines/tags/{new}") == [twoot]
    history = bob.items(f"/v1/twoots/{twoot}/history")
    assert [version["text"].rpartition("#")[2] for version in history] == [new, old]
    assert bob.ask("PATCH", f"/v1/twoots/{twoot}", {"text": "Mine now"}).status in (403, 404)


def uses(person: Person, tag: str) -> int:
    answer = person.ask("GET", f"/v1/hashtags/{tag}")
    return int(answer.json["uses"]) if answer.status == 200 else 0
