"""Stories of asking everybody and of writing ahead: polls that end by themselves, twoots that appear by themselves."""

import time
from contextlib import closing
from typing import Any

from tests.faults.apps import App
from tests.processes import wait_until
from tests.stories.conftest import Meet
from tests.stories.people import Person, missing, soon
from twooter.api.times import rfc3339
from twooter.settings import Settings
from twooter.storage.database import Storage

WORKERS_SECONDS = 90
"""Beat sends every ten or twenty seconds what looks for what is due."""


def later(seconds: float) -> str:
    return rfc3339(int((time.time() + seconds) * 1000))


def poll(person: Person, twoot: str) -> tuple[Any, ...]:
    """Return how many have voted, for what, and for what oneself."""
    found = person.sees(f"/v1/twoots/{twoot}")["poll"]
    return found["voters"], [option["votes"] for option in found["options"]], found["viewer"]["choices"]


def hasten(place: App, sql: str) -> None:
    """Let a time have come that a test does not wait for."""
    storage = Storage.open(Settings.model_validate({"database_url": place.settings["TWOOTER_DATABASE_URL"]}))
    with closing(storage):
        storage.database.execute_sql(sql)


def test_friends_vote_and_everybody_sees_the_result_when_the_poll_ends(meet: Meet) -> None:
    ada, bob, carol, dora = (meet(name) for name in ("ada", "bob", "carol", "dora"))
    bob.follows(ada)
    soon("ada's follower", lambda: ada.ids(f"/v1/accounts/{ada.id}/followers") == [bob.id])
    options = {"options": ["At the lake", "In town", "At my place"], "expires_at": later(8)}
    asked = ada.says("Where shall we meet?", poll=options)
    soon("bob's home timeline", lambda: asked in bob.home())
    assert poll(bob, asked) == (0, [None] * 3, [])
    bob.does("PUT", f"/v1/twoots/{asked}/vote", {"choices": [0]})
    assert poll(bob, asked) == (1, [1, 0, 0], [0])  # at once
    carol.does("PUT", f"/v1/twoots/{asked}/vote", {"choices": [2]})
    assert bob.ask("PUT", f"/v1/twoots/{asked}/vote", {"choices": [1]}).status == 409
    assert ada.ask("PUT", f"/v1/twoots/{asked}/vote", {"choices": [1]}).status == 403
    soon("both votes at ada's", lambda: poll(ada, asked) == (2, [1, 0, 1], []))
    wait_until(
        lambda: ("poll", ada.name) in carol.told(), seconds=WORKERS_SECONDS, what="carol's notification"
    )
    assert poll(dora, asked) == (2, [1, 0, 1], [])
    assert dora.ask("PUT", f"/v1/twoots/{asked}/vote", {"choices": [1]}).status == 409
    assert ("poll", ada.name) in ada.told()
    assert ("poll", ada.name) not in dora.told()


def test_whom_one_blocks_does_not_vote(meet: Meet) -> None:
    ada, bob = meet("ada"), meet("bob")
    asked = ada.says("Well?", poll={"options": ["Yes", "No"], "expires_at": later(600)})
    ada.does("PUT", f"/v1/accounts/{bob.id}/block")
    assert bob.ask("PUT", f"/v1/twoots/{asked}/vote", {"choices": [1]}).status == 404
    assert poll(ada, asked) == (0, [0, 0], [])


def test_a_twoot_written_ahead_appears_by_itself(meet: Meet, place: App) -> None:
    ada, bob = meet("ada"), meet("bob")
    bob.follows(ada)
    soon("ada's follower", lambda: ada.ids(f"/v1/accounts/{ada.id}/followers") == [bob.id])
    kept = ada.does(
        "POST", "/v1/twoots", {"text": "Good morning, @" + bob.name, "scheduled_at": later(3_600)}
    )
    given_up = ada.does("POST", "/v1/twoots", {"text": "Good night", "scheduled_at": later(7_200)})
    path = f"/v1/scheduled/{kept['id']}"
    assert missing(bob, path)
    assert ada.ids("/v1/scheduled") == [kept["id"], given_up["id"]]
    ada.does("PATCH", path, {"text": f"Good morning, dear @{bob.name}"})
    ada.does("DELETE", f"/v1/scheduled/{given_up['id']}")
    assert bob.home() == []
    hasten(place, f"UPDATE scheduled_twoots SET due_ms = 1 WHERE id = {int(kept['id'])}")  # noqa: S608 - a number
    wait_until(lambda: missing(ada, path), seconds=WORKERS_SECONDS, what="the publication")
    soon("bob's home timeline", lambda: bob.home() != [])
    (twoot,) = bob.items("/v1/timelines/home")
    assert (twoot["text"], twoot["author"]["id"]) == (f"Good morning, dear @{bob.name}", ada.id)
    soon("bob's notification", lambda: bob.told() == [("mention", ada.name)])
    assert ada.ids("/v1/scheduled") == []


def test_a_twoot_that_could_not_be_published_tells_its_author_once(meet: Meet, place: App) -> None:
    ada, bob = meet("ada"), meet("bob")
    asked = bob.says("Anybody?")
    answer = {"text": "Here!", "reply_to": asked, "scheduled_at": later(3_600)}
    kept = ada.does("POST", "/v1/twoots", answer)
    bob.does("DELETE", f"/v1/twoots/{asked}")
    hasten(place, f"UPDATE scheduled_twoots SET due_ms = 1 WHERE id = {int(kept['id'])}")  # noqa: S608 - a number
    wait_until(lambda: ada.told() != [], seconds=WORKERS_SECONDS, what="the notification")
    (told,) = ada.items("/v1/notifications")
    assert (told["type"], told["scheduled"]["id"]) == ("scheduled_refused", kept["id"])
    assert told["scheduled"]["refused"]["code"] == "no_such_twoot"
    assert bob.told() == []
    ada.does("DELETE", f"/v1/scheduled/{kept['id']}")
    assert ada.told() == []
