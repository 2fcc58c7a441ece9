"""Polls over HTTP: what is asked, what one may send, and what each sees of how it stands."""

import time
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.api.times import rfc3339
from twooter.services.house import Services


def later(seconds: float = 3_600) -> str:
    return rfc3339(int((time.time() + seconds) * 1000))


def call(client: TestClient, token: str, method: str, path: str, body: Any = None) -> Result:
    return client.simulate_request(method, path, headers={"Authorization": f"Bearer {token}"}, json=body)


def ask(client: TestClient, token: str, **more: Any) -> dict[str, Any]:
    poll = {"options": [" tea ", "coffee"], "expires_at": later(), **more}
    answer = call(client, token, "POST", "/v1/twoots", {"text": "Well? #tea", "poll": poll})
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_a_poll_is_hidden_from_who_has_not_voted(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    ada, bob, cho = sign_up("ada"), sign_up("bob"), sign_up("cho")
    ends = later()
    made = ask(client, ada, expires_at=ends)
    path = f"/v1/twoots/{made['id']}"
    asked = {"multiple": False, "expires_at": ends, "expired": False}
    nothing = {"voted": False, "choices": []}

    def options(*votes: int | None) -> list[dict[str, Any]]:
        return [
            {"text": text, "votes": number} for text, number in zip(("tea", "coffee"), votes, strict=True)
        ]

    assert made["poll"] == {"options": options(0, 0), **asked, "voters": 0, "viewer": nothing}
    answer = call(client, bob, "PUT", f"{path}/vote", {"choices": [1]})
    voted = {"options": options(0, 1), **asked, "voters": 1, "viewer": {"voted": True, "choices": [1]}}
    assert (answer.status_code, answer.json["poll"]) == (200, voted)
    drain(services)
    hidden = {"options": options(None, None), **asked, "voters": 1, "viewer": nothing}
    for read in (path, "/v1/timelines/public", "/v1/timelines/tags/tea"):
        for token, expected in ((cho, hidden), (bob, voted), (ada, {**voted, "viewer": nothing})):
            found = call(client, token, "GET", read).json
            assert found.get("items", [found])[0]["poll"] == expected, read
        found = client.simulate_get(read).json
        assert found.get("items", [found])[0]["poll"] == {**hidden, "viewer": None}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"choices": []}, 422),
        ({"choices": ["0"]}, 422),
        ({"choices": [2]}, 422),
        ({"choices": [-1]}, 422),
        ({"choices": [2**63]}, 422),
        ({"choices": [0, 1]}, 422),
        ({"choices": [0] * 5}, 422),
        ({"choices": [True]}, 422),
        ({"choices": 0}, 422),
        ({"choices": [0]}, 200),
    ],
)
def test_a_vote_names_places_of_options(
    client: TestClient, sign_up: SignUp, body: dict[str, Any], status: int
) -> None:
    made = ask(client, sign_up("ada"))
    answer = call(client, sign_up("bob"), "PUT", f"/v1/twoots/{made['id']}/vote", body)
    assert answer.status_code == status, answer.json


@pytest.mark.parametrize(
    "poll",
    [
        {},
        {"options": ["a", "b"]},
        {"options": ["a"], "expires_at": later()},
        {"options": ["a", "b", "c", "d", "e"], "expires_at": later()},
        {"options": ["a", 1], "expires_at": later()},
        {"options": ["a", "a"], "expires_at": later()},
        {"options": ["a", "b\x00"], "expires_at": later()},
        {"options": ["a", "b" * 51], "expires_at": later()},
        {"options": ["a", "b"], "expires_at": "soon"},
        {"options": ["a", "b"], "expires_at": 2_000_000_000_000},
        {"options": ["a", "b"], "expires_at": later(-1)},
        {"options": ["a", "b"], "expires_at": later(32 * 86_400)},
        {"options": ["a", "b"], "expires_at": "9999-12-31T23:59:59Z"},
        {"options": ["a", "b"], "expires_at": later(), "multiple": "yes"},
    ],
)
def test_what_is_no_poll_is_refused_by_its_field(client: TestClient, sign_up: SignUp, poll: Any) -> None:
    answer = call(client, sign_up("ada"), "POST", "/v1/twoots", {"text": "Well?", "poll": poll})
    assert answer.status_code == 422
    assert all(error["field"].startswith("poll") for error in answer.json["errors"])


def test_options_are_counted_in_characters_as_people_count_them(client: TestClient, sign_up: SignUp) -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    made = ask(client, sign_up("ada"), options=[family * 50, "猫"])
    assert [option["text"] for option in made["poll"]["options"]] == [family * 50, "猫"]


def test_refusals_of_votes_say_why(client: TestClient, services: Services, sign_up: SignUp) -> None:
    ada, bob = sign_up("ada"), sign_up("bob")
    made = ask(client, ada)
    path = f"/v1/twoots/{made['id']}/vote"
    plain = call(client, ada, "POST", "/v1/twoots", {"text": "No question"}).json["id"]
    call(client, bob, "PUT", path, {"choices": [0]})
    services.storage.database.execute_sql("UPDATE polls SET ends_ms = 1")
    refusals = [
        (call(client, token, "PUT", place, {"choices": [choice]}), expected)
        for token, place, choice, expected in (
            (ada, path, 0, (403, "own_poll")),
            (bob, path, 1, (409, "already_voted")),
            (sign_up("cho"), path, 1, (409, "poll_ended")),
            (bob, f"/v1/twoots/{plain}/vote", 0, (404, "not_found")),
            (bob, "/v1/twoots/1/vote", 0, (404, "not_found")),
        )
    ]
    for answer, expected in refusals:
        assert (answer.status_code, answer.json["code"]) == expected
    assert client.simulate_put(path, json={"choices": [0]}).status_code == 401


def test_the_end_is_a_notification_of_its_own_type(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    ada, bob = sign_up("ada"), sign_up("bob")
    made = ask(client, ada)
    call(client, bob, "PUT", f"/v1/twoots/{made['id']}/vote", {"choices": [0]})
    drain(services)
    services.storage.database.execute_sql("UPDATE polls SET ends_ms = 1, due_ms = 1")
    services.poll_ends.sweep()
    drain(services)
    for token in (ada, bob):
        (item,) = call(client, token, "GET", "/v1/notifications?types=poll").json["items"]
        assert (item["type"], item["accounts"][0]["username"]) == ("poll", "ada")
        assert item["twoot"]["poll"]["options"][0] == {"text": "tea", "votes": 1}


def test_a_key_answers_with_its_poll_also_when_that_has_ended(
    client: TestClient, services: Services, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, body = sign_up("ada"), {"text": "Well?", "poll": {"options": ["a", "b"], "expires_at": later()}}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    first, now_ms = client.simulate_post("/v1/twoots", headers=headers, json=body), services.ids.now_ms()
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms + 7_200_000)
    again = client.simulate_post("/v1/twoots", headers=headers, json=body)
    fresh = client.simulate_post("/v1/twoots", headers={**headers, "Idempotency-Key": "new"}, json=body)
    assert [answer.status_code for answer in (first, again, fresh)] == [201, 201, 422]
    assert again.json["id"] == first.json["id"]
