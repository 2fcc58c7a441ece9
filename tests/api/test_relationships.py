"""Relationships over HTTP: follow, block, mute, note, requests, suggestions; and the lists of accounts they make."""

from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services


class Person:
    """Somebody signed in."""

    def __init__(self, client: TestClient, services: Services, token: str, name: str) -> None:
        self._client, self._services = client, services
        self._headers = {"Authorization": f"Bearer {token}"}
        self.name = name
        self.id = self("GET", "/v1/me").json["id"]

    def __call__(self, method: str, path: str, body: Any = None, /) -> Result:
        """Call, then let the workers do what follows from it."""
        answer = self._client.simulate_request(method, path, json=body, headers=self._headers)
        drain(self._services)
        return answer

    def names(self, path: str) -> list[str]:
        """Return whom a list shows."""
        answer = self("GET", path)
        assert answer.status_code == 200, answer.json
        return [item["username"] for item in answer.json["items"]]

    def counts(self) -> tuple[int, int]:
        """Return how many one follows, and is followed by."""
        counts = self("GET", "/v1/me").json["counts"]
        return counts["following"], counts["followers"]


@pytest.fixture
def people(client: TestClient, services: Services, sign_up: SignUp) -> list[Person]:
    """Sign up three."""
    return [Person(client, services, sign_up(name), name) for name in ("ada", "bob", "cho")]


def test_a_follow_shows_in_the_answer_in_both_lists_and_both_counts(people: list[Person]) -> None:
    ada, bob, _ = people
    answer = ada("PUT", f"/v1/accounts/{bob.id}/follow")
    assert answer.status_code == 200
    assert answer.json == {
        "account_id": bob.id,
        "following": True,
        "followed_by": False,
        "requested": False,
        "requested_by": False,
        "blocking": False,
        "muting": False,
        "muted_until": None,
        "note": "",
    }
    assert ada("PUT", f"/v1/accounts/{bob.id}/follow").json == answer.json
    assert (ada.counts(), bob.counts()) == ((1, 0), (0, 1))
    assert ada.names(f"/v1/accounts/{bob.id}/followers") == ["ada"]
    assert bob.names(f"/v1/accounts/{ada.id}/following") == ["bob"]
    (seen,) = bob("GET", f"/v1/relationships?ids={ada.id},{bob.id}0,x").json["items"]
    assert (seen["account_id"], seen["followed_by"], seen["following"]) == (ada.id, True, False)
    assert bob("DELETE", f"/v1/me/followers/{ada.id}").status_code == 204
    assert not ada("GET", f"/v1/relationships?ids={bob.id}").json["items"][0]["following"]
    ada("PUT", f"/v1/accounts/{bob.id}/follow")
    for _ in range(2):
        assert ada("DELETE", f"/v1/accounts/{bob.id}/follow").json["following"] is False
    assert (ada.counts(), bob.counts()) == ((0, 0), (0, 0))


def test_what_cannot_be_is_refused(client: TestClient, people: list[Person]) -> None:
    ada, bob, _ = people
    for noun, body in (("follow", None), ("block", None), ("mute", {}), ("note", {"text": "x"})):
        assert ada("PUT", f"/v1/accounts/{ada.id}/{noun}", body).status_code == 422
        assert ada("PUT", f"/v1/accounts/{ada.id}9/{noun}", body).status_code == 404
        assert client.simulate_put(f"/v1/accounts/{bob.id}/{noun}", json=body).status_code == 401
    for noun in ("follow", "block", "mute"):
        assert ada("DELETE", f"/v1/accounts/{bob.id}/{noun}").status_code == 200
    assert ada("GET", f"/v1/relationships?ids={','.join([bob.id] * 100)}").status_code == 200
    assert ada("GET", f"/v1/relationships?ids={','.join([bob.id] * 101)}").status_code == 400
    assert ada("GET", "/v1/relationships").status_code == 400
    assert ada("GET", "/v1/relationships?ids=").json["items"] == []


@pytest.mark.parametrize("changes", [{"limit_follows": "2/hour"}])
def test_changes_are_limited(people: list[Person]) -> None:
    ada, bob, cho = people
    answers = [ada("PUT", f"/v1/accounts/{bob.id}/follow"), ada("PUT", f"/v1/accounts/{bob.id}/block")]
    answers.append(ada("DELETE", f"/v1/accounts/{bob.id}/block"))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Retry-After" in answers[-1].headers
    assert cho("PUT", f"/v1/accounts/{bob.id}/follow").status_code == 200


def test_a_protected_account_answers_requests(client: TestClient, people: list[Person]) -> None:
    ada, bob, cho = people
    assert bob("PATCH", "/v1/me", {"protected": True}).json["protected"] is True
    twoot = bob("POST", "/v1/twoots", {"text": "for friends"}).json
    assert ada("PUT", f"/v1/accounts/{bob.id}/follow").json["requested"] is True
    cho("PUT", f"/v1/accounts/{bob.id}/follow")
    assert bob.names("/v1/follow-requests") == ["cho", "ada"]
    assert bob("PUT", f"/v1/follow-requests/{cho.id}9").status_code == 404
    for _ in range(2):
        answer = bob("PUT", f"/v1/follow-requests/{ada.id}")
        assert (answer.status_code, answer.json["followed_by"]) == (200, True)
        assert bob("DELETE", f"/v1/follow-requests/{cho.id}").status_code == 204
    assert bob("PUT", f"/v1/follow-requests/{cho.id}").status_code == 404
    assert bob.names("/v1/follow-requests") == []
    assert (ada.counts(), bob.counts(), cho.counts()) == ((1, 0), (0, 1), (0, 0))
    for path in (
        f"/v1/accounts/{bob.id}/followers",
        f"/v1/accounts/{bob.id}/following",
        f"/v1/twoots/{twoot['id']}",
    ):
        found = [person("GET", path).status_code for person in (ada, bob, cho)]
        assert [*found, client.simulate_get(path).status_code] == [200, 200, 404, 404], path
    assert client.simulate_get(f"/v1/accounts/{bob.id}").status_code == 200
    assert bob("PATCH", "/v1/me", {"bio": "Open."}).json["protected"] is True
    assert bob("PATCH", "/v1/me", {"protected": False}).json["protected"] is False
    assert cho.names(f"/v1/accounts/{bob.id}/followers") == ["ada"]


def test_whoever_is_blocked_finds_nobody(client: TestClient, people: list[Person]) -> None:
    ada, bob, cho = people
    ada("PUT", f"/v1/accounts/{bob.id}/follow")
    cho("PUT", f"/v1/accounts/{bob.id}/follow")
    ada("PUT", f"/v1/accounts/{cho.id}/follow")
    assert bob("PUT", f"/v1/accounts/{ada.id}/block").json["blocking"] is True
    for path in (
        f"/v1/accounts/{bob.id}",
        "/v1/accounts/lookup?username=bob",
        f"/v1/accounts/{bob.id}/twoots",
        f"/v1/accounts/{bob.id}/followers",
        f"/v1/accounts/{bob.id}/following",
    ):
        assert ada("GET", path).status_code == 404, path
        assert client.simulate_get(path).status_code == 200, path
    assert ada("PUT", f"/v1/accounts/{bob.id}/follow").status_code == 404
    assert bob("PUT", f"/v1/accounts/{ada.id}/follow").status_code == 409
    assert ada.names(f"/v1/accounts/{cho.id}/following") == []  # where cho follows bob
    assert ada("GET", f"/v1/relationships?ids={bob.id},{cho.id}").json["items"][0]["account_id"] == cho.id
    assert bob.names("/v1/blocks") == ["ada"]
    assert (ada.counts(), bob.counts()) == ((1, 0), (0, 1))
    bob("DELETE", f"/v1/accounts/{ada.id}/block")
    assert ada("GET", f"/v1/accounts/{bob.id}").status_code == 200
    assert ada.counts() == (1, 0)


def test_mutes_take_a_body_or_none_and_notes_are_kept(people: list[Person]) -> None:
    ada, bob, cho = people
    assert ada("PUT", f"/v1/accounts/{bob.id}/mute").json["muted_until"] is None
    muted = ada("PUT", f"/v1/accounts/{cho.id}/mute", {"expires_in": 3600})
    assert (muted.json["muting"], muted.json["muted_until"][-1]) == (True, "Z")
    items = ada("GET", "/v1/mutes").json["items"]
    assert [(item["username"], item["muted_until"]) for item in items] == [
        ("cho", muted.json["muted_until"]),
        ("bob", None),
    ]
    for wrong in (0, 59, 10**9, "60", 60.5, True):
        assert ada("PUT", f"/v1/accounts/{bob.id}/mute", {"expires_in": wrong}).status_code == 422
    assert ada("DELETE", f"/v1/accounts/{bob.id}/mute").json["muting"] is False
    assert ada.names("/v1/mutes") == ["cho"]
    assert ada("PUT", f"/v1/accounts/{bob.id}/note", {"text": "tea, no milk"}).json["note"] == "tea, no milk"
    assert ada("PUT", f"/v1/accounts/{bob.id}/note", {"text": ""}).json["note"] == ""


def test_suggestions_come_from_those_one_follows(services: Services, people: list[Person]) -> None:
    ada, bob, cho = people
    ada("PUT", f"/v1/accounts/{bob.id}/follow")
    bob("PUT", f"/v1/accounts/{cho.id}/follow")
    services.suggestions.compute()
    (item,) = ada("GET", "/v1/suggestions").json["items"]
    assert (item["username"], item["known_followers"]) == ("cho", 1)
    ada("PUT", f"/v1/accounts/{cho.id}/follow")
    assert ada("GET", "/v1/suggestions?limit=1").json["items"] == []


def test_pages_of_accounts_lead_on_and_belong_to_who_asked(client: TestClient, people: list[Person]) -> None:
    ada, bob, cho = people
    for person in (ada, cho):
        person("PUT", f"/v1/accounts/{bob.id}/follow")
    path = f"/v1/accounts/{bob.id}/followers?limit=1"
    first = ada("GET", path)
    assert [item["username"] for item in first.json["items"]] == ["cho"]
    assert 'rel="next"' in first.headers["Link"]
    second = f"{path}&cursor={first.json['next']}"
    assert ada.names(second) == ["ada"]
    assert cho("GET", second).status_code == 400
    assert client.simulate_get(path).json["items"] == first.json["items"]
