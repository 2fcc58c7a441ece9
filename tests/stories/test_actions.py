"""Stories of what people do with a twoot: like, retwoot, quote, keep, pin; and of whom that tells."""

from tests.stories.conftest import Meet
from tests.stories.people import Person, missing, soon


def test_what_one_likes_and_keeps_is_found_again_and_undone(meet: Meet) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    twoot = ada.says("The first swallow of the year")
    for act in ("like", "bookmark", "like"):
        bob.does("PUT", f"/v1/twoots/{twoot}/{act}")
    assert bob.sees(f"/v1/twoots/{twoot}")["viewer"] == {
        "liked": True,
        "retwooted": False,
        "bookmarked": True,
    }
    assert bob.ids("/v1/me/likes") == bob.ids("/v1/bookmarks") == [twoot]
    soon("one like", lambda: carol.sees(f"/v1/twoots/{twoot}")["counts"]["likes"] == 1)
    assert carol.ids(f"/v1/twoots/{twoot}/likes") == [bob.id]
    assert carol.ids("/v1/bookmarks") == []
    bob.does("DELETE", f"/v1/twoots/{twoot}/like")
    assert bob.ids("/v1/me/likes") == []
    soon("no like", lambda: carol.sees(f"/v1/twoots/{twoot}")["counts"]["likes"] == 0)


def test_a_retwoot_brings_a_stranger_into_the_home_timeline(meet: Meet) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    carol.follows(bob)
    soon("bob's follower", lambda: bob.ids(f"/v1/accounts/{bob.id}/followers") == [carol.id])
    twoot = ada.says("Worth repeating")
    bob.does("PUT", f"/v1/twoots/{twoot}/retwoot")
    soon("carol's home timeline", lambda: carol.items("/v1/timelines/home") != [])
    (row,) = carol.items("/v1/timelines/home")
    assert (row["type"], row["by"]["id"], row["twoot"]["id"]) == ("retwoot", bob.id, twoot)
    soon("ada's notification", lambda: ada.told() == [("retwoot", bob.name)])
    bob.does("DELETE", f"/v1/twoots/{twoot}/retwoot")
    soon("an empty home timeline", lambda: carol.items("/v1/timelines/home") == [])


def test_a_quote_withdraws_what_its_author_deleted(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    said = ada.says("Pineapple belongs on pizza")
    quote = bob.says("Indeed", quote_of=said)
    assert quoted(bob, quote) == ("shown", said)
    soon("the quote's count", lambda: ada.sees(f"/v1/twoots/{said}")["counts"]["quotes"] == 1)
    soon("ada's notification", lambda: ada.told() == [("quote", bob.name)])
    ada.does("DELETE", f"/v1/twoots/{said}")
    assert quoted(bob, quote) == ("withdrawn", None)
    assert missing(bob, f"/v1/twoots/{said}")


def test_five_twoots_are_pinned_and_not_six(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    twoots = [ada.says(f"Number {number}") for number in range(6)]
    for twoot in twoots[:5]:
        ada.does("PUT", f"/v1/twoots/{twoot}/pin")
    assert ada.ask("PUT", f"/v1/twoots/{twoots[5]}/pin").status == 409
    assert bob.ids(f"/v1/accounts/{ada.id}/pins") == twoots[4::-1]
    ada.does("DELETE", f"/v1/twoots/{twoots[0]}/pin")
    ada.does("PUT", f"/v1/twoots/{twoots[5]}/pin")
    assert bob.ids(f"/v1/accounts/{ada.id}/pins")[0] == twoots[5]


def quoted(person: Person, quote: str) -> tuple[str, str | None]:
    """Return what a quote shows, and of which twoot."""
    shown = person.sees(f"/v1/twoots/{quote}")["quoted"]
    return shown["state"], shown["twoot"] and shown["twoot"]["id"]
