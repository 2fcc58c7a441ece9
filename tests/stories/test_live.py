"""Stories of live updates: what others do arrives by itself, also after the connection broke."""

from tests.listeners import Happening, Listener
from tests.stories.conftest import Meet
from tests.stories.people import Person, soon


def listen(person: Person, topics: str, *, after: str | None = None) -> Listener:
    port = int(person.app.settings["TWOOTER_STREAM_PORT"])
    headers = None if after is None else {"Last-Event-ID": after}
    return Listener(port, topics, token=person.token, headers=headers).ready()


def heard(listener: Listener) -> Happening:
    found = listener.next()
    assert found is not None
    return found


def test_what_friends_write_and_do_arrives_and_a_broken_connection_goes_on(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    ada.follows(bob)
    soon("bob's follower", lambda: bob.ids(f"/v1/accounts/{bob.id}/followers") == [ada.id])
    with listen(ada, "home,notifications") as listener:
        first = bob.says("Hello")
        event = heard(listener)
        assert (event.name, event.data["id"]) == ("home", first)
    missed = bob.says("Anybody there?")
    bob.follows(ada)
    soon("the notification", lambda: ada.told() == [("follow", bob.name)])
    assert event.id is not None
    with listen(ada, "home,notifications", after=event.id) as listener:
        found = {(one.name, one.data["type"]) for one in (heard(listener), heard(listener))}
        assert found == {("home", "twoot"), ("notifications", "follow")}
        assert missed in ada.home()


def test_what_is_edited_and_deleted_changes_before_the_eyes_of_who_listens(meet: Meet) -> None:
    ada, bob, cho = meet("ada"), meet("bob"), meet("cho")
    ada.follows(bob)
    soon("bob's follower", lambda: bob.ids(f"/v1/accounts/{bob.id}/followers") == [ada.id])
    tag = f"tea{bob.id}"
    with listen(ada, "home") as at_home, listen(cho, f"tag:{tag}") as by_tag:
        twoot = bob.says(f"Tea at fore #{tag}")
        assert heard(at_home).data["id"] == heard(by_tag).data["id"] == twoot
        bob.does("PATCH", f"/v1/twoots/{twoot}", {"text": "Tea at four"})
        for listener in (at_home, by_tag):
            edited = heard(listener)
            assert (edited.name, edited.data["id"], edited.data["text"]) == (
                "twoot.updated",
                twoot,
                "Tea at four",
            )
        bob.does("DELETE", f"/v1/twoots/{twoot}")
        gone = heard(at_home)
        assert (gone.name, gone.data) == ("twoot.deleted", {"id": twoot})
        again, last = bob.says("Tea at five"), heard(at_home)
        assert (last.name, last.data["id"]) == ("home", again)
    ann = meet("ann")
    ann.becomes("moderator")
    ann.does("PUT", f"/v1/moderation/twoots/{again}/hide", {"reason": "Too late."})
    ann.does("PUT", f"/v1/moderation/accounts/{bob.id}/suspend", {"reason": "Always."})
    with listen(ada, "home", after=last.id) as listener:
        told = {(one.name, one.data["id"]) for one in (heard(listener), heard(listener))}
        assert told == {("twoot.deleted", again), ("account.deleted", bob.id)}


def test_a_browser_listens_with_a_ticket_that_is_good_once(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    ticket = ada.does("POST", "/v1/stream/tickets")["ticket"]
    port = int(ada.app.settings["TWOOTER_STREAM_PORT"])
    tag = f"news{ada.id}"
    with Listener(port, f"tag:{tag}", ticket=ticket).ready() as listener:
        twoot = bob.says(f"Extra! #{tag}")
        assert heard(listener).data["id"] == twoot
    with Listener(port, f"tag:{tag}", ticket=ticket) as again:
        assert again.status == 401
