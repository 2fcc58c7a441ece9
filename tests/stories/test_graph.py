"""Stories of who follows whom, and of who may not."""

from tests.stories.conftest import Meet
from tests.stories.people import missing, soon


def test_a_protected_account_is_read_by_those_it_let_in(meet: Meet) -> None:
    ada, bob, eve = meet("ada"), meet("bob"), meet("eve")
    ada.does("PATCH", "/v1/me", {"protected": True})
    secret = ada.says("For friends.")
    assert missing(bob, f"/v1/twoots/{secret}")
    bob.follows(ada)
    eve.follows(ada)
    assert bob.items(f"/v1/relationships?ids={ada.id}")[0]["requested"]
    soon("both requests", lambda: set(ada.ids("/v1/follow-requests")) == {bob.id, eve.id})
    soon("their notifications", lambda: ada.told().count(("follow_request", bob.name)) == 1)
    ada.does("PUT", f"/v1/follow-requests/{bob.id}")
    ada.does("DELETE", f"/v1/follow-requests/{eve.id}")
    soon("bob's home timeline", lambda: secret in bob.home())
    assert bob.sees(f"/v1/twoots/{secret}")["text"] == "For friends."
    assert missing(eve, f"/v1/twoots/{secret}")
    soon("the count", lambda: ada.sees("/v1/me")["counts"]["followers"] == 1)
    soon(
        "the end of eve's request",
        lambda: eve.items(f"/v1/relationships?ids={ada.id}")[0]["requested"] is False,
    )
    ada.does("DELETE", f"/v1/me/followers/{bob.id}")
    assert missing(bob, f"/v1/twoots/{secret}")
    soon("an empty home timeline", lambda: secret not in bob.home())


def test_who_blocks_is_gone_for_the_blocked_one(meet: Meet) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    for one, other in ((ada, bob), (bob, ada), (carol, ada), (carol, bob)):
        one.follows(other)
    said = ada.says("Good morning, all")
    answered = bob.says("Not so good", reply_to=said)
    soon("bob's home timeline", lambda: said in bob.home())
    ada.does("PUT", f"/v1/accounts/{bob.id}/block")
    for path in (f"/v1/twoots/{said}", f"/v1/accounts/{ada.id}/twoots", f"/v1/twoots/{said}/thread"):
        assert missing(bob, path), path
    assert said not in bob.home()
    assert bob.items(f"/v1/relationships?ids={ada.id}") == []
    assert bob.ask("PUT", f"/v1/accounts/{ada.id}/follow").status == 404
    assert answered not in ada.home()
    soon("carol's home timeline, with both", lambda: {said, answered} <= set(carol.home()))
    ada.does("DELETE", f"/v1/accounts/{bob.id}/block")
    assert bob.sees(f"/v1/twoots/{said}")["id"] == said
    soon(
        "the end of a follow that a block undid",
        lambda: bob.items(f"/v1/relationships?ids={ada.id}")[0]["following"] is False,
    )


def test_who_is_muted_does_not_know(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    ada.follows(bob)
    bob.follows(ada)
    before = bob.says("One")
    soon("ada's home timeline", lambda: before in ada.home())
    ada.does("PUT", f"/v1/accounts/{bob.id}/mute", {"expires_in": 3600})
    assert before not in ada.home()
    after = bob.says(f"Two, @{ada.name}")
    own = ada.says("Three")
    soon("bob's home timeline", lambda: own in bob.home())
    assert ada.sees(f"/v1/twoots/{after}")["id"] == after
    assert after not in ada.home()
    assert ("mention", bob.name) not in ada.told()
    ada.does("DELETE", f"/v1/accounts/{bob.id}/mute")
    soon("what bob wrote meanwhile", lambda: {before, after} <= set(ada.home()))


def test_notes_on_others_are_one_s_own(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    ada.does("PUT", f"/v1/accounts/{bob.id}/note", {"text": "From the reading circle"})
    assert ada.items(f"/v1/relationships?ids={bob.id}")[0]["note"] == "From the reading circle"
    assert bob.items(f"/v1/relationships?ids={ada.id}")[0]["note"] == ""
