"""Stories of what people are told: together, once, and not at all when they asked for quiet."""

from tests.stories.conftest import Meet
from tests.stories.people import soon


def test_many_likes_are_one_line_that_is_read_once(meet: Meet) -> None:
    ada, fans = meet("ada"), [meet(f"fan{number}") for number in range(3)]
    twoot = ada.says("Look at this")
    for fan in fans:
        fan.does("PUT", f"/v1/twoots/{twoot}/like")
    fans[0].follows(ada)
    soon("four notifications", lambda: ada.sees("/v1/notifications/unread")["count"] == 4)
    (likes,) = ada.items("/v1/notifications?grouped=true&types=like")
    assert (likes["count"], {one["id"] for one in likes["accounts"]}) == (3, {fan.id for fan in fans})
    assert likes["twoot"]["id"] == twoot
    newest = max(ada.ids("/v1/notifications"), key=int)
    ada.does("PUT", "/v1/notifications/read", {"id": newest})
    assert ada.sees("/v1/notifications/unread") == {"count": 0, "more": False}
    assert all(item["read"] for item in ada.items("/v1/notifications"))
    fans[1].follows(ada)
    soon("one more", lambda: ada.sees("/v1/notifications/unread")["count"] == 1)


def test_a_muted_conversation_and_a_blocked_account_are_silent(meet: Meet) -> None:
    ada, bob, troll = meet("ada"), meet("bob"), meet("troll")
    twoot = ada.says("A quiet question")
    ada.does("PUT", f"/v1/twoots/{twoot}/mute")
    ada.does("PUT", f"/v1/accounts/{troll.id}/block")
    bob.says("An answer", reply_to=twoot)
    troll.says(f"Hey @{ada.name}")
    bob.says(f"Something else, @{ada.name}")
    soon("the mention outside", lambda: ada.told() != [])
    soon("the reply's count", lambda: ada.sees(f"/v1/twoots/{twoot}")["counts"]["replies"] == 1)
    assert ada.told() == [("mention", bob.name)]
