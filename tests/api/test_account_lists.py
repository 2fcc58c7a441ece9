"""Lists of accounts and followed hashtags over HTTP: as somebody uses them."""

from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services


class Person:
    """Somebody with a token."""

    def __init__(self, client: TestClient, services: Services, token: str) -> None:
        self._client, self._token = client, token
        self.id = str(services.authenticate(token).account_id)

    def do(self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any) -> Result:
        """Ask for something, with a body where there are fields for one."""
        given = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        return self._client.simulate_request(method, path, headers=given, json=body or None)

    def publish(self, text: str) -> str:
        """Post a twoot; return its id."""
        return str(self.do("POST", "/v1/twoots", text=text).json["id"])

    def listed(self, path: str) -> list[str]:
        """Return the ids of a whole list, page by page."""
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.do("GET", f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else "")).json
            found += [item.get("id", item.get("name")) for item in page["items"]]
            cursor = page["next"]
        return found


@pytest.fixture
def people(client: TestClient, services: Services, sign_up: SignUp) -> list[Person]:
    """Sign up some people; the first follows the others."""
    found = [Person(client, services, sign_up(name)) for name in ("ada", "ben", "cho")]
    for other in found[1:]:
        assert found[0].do("PUT", f"/v1/accounts/{other.id}/follow").status_code == 200
    drain(services)
    return found


def test_a_list_is_made_filled_read_changed_and_deleted(people: list[Person]) -> None:
    ada, ben, cho = people
    key = {"Idempotency-Key": "one-list"}
    made = ada.do("POST", "/v1/lists", headers=key, title="Tea drinkers")
    assert (made.status_code, made.headers["location"]) == (201, f"/v1/lists/{made.json['id']}")
    assert made.json == {**made.json, "title": "Tea drinkers"}
    assert set(made.json) == {"id", "title", "created_at"}
    assert ada.do("POST", "/v1/lists", headers=key, title="Tea drinkers").json == made.json
    assert ada.do("POST", "/v1/lists", headers=key, title="Others").status_code == 422
    path, timeline = f"/v1/lists/{made.json['id']}", f"/v1/timelines/lists/{made.json['id']}"
    for _ in range(2):
        assert ada.do("PUT", f"{path}/accounts/{ben.id}").status_code == 204
        assert ada.do("PUT", f"{path}/accounts/{cho.id}").status_code == 204
    refused = ada.do("PUT", f"{path}/accounts/{ada.id}")
    assert (refused.status_code, refused.json["code"]) == (409, "not_following")
    assert ada.do("PUT", f"{path}/accounts/17").status_code == 404
    assert ada.listed(f"{path}/accounts") == [cho.id, ben.id]
    written = [people[number % 3].publish(f"Cup {number}") for number in range(9)]
    expected = [id_ for number, id_ in enumerate(written) if number % 3][::-1]
    assert ada.listed(timeline) == expected
    first = ada.do("GET", f"{timeline}?limit=2")
    assert 'rel="next"' in first.headers["link"]
    assert first.headers["cache-control"] == "private, no-store"
    newer = ada.do("GET", f"{timeline}?limit=2&cursor={first.json['prev']}").json
    assert newer["items"] == []
    assert ada.do("PATCH", path, title="Cups").json == {**made.json, "title": "Cups"}
    assert ada.do("PATCH", path, title="").status_code == 422
    for _ in range(2):
        assert ada.do("DELETE", f"{path}/accounts/{cho.id}").status_code == 204
    assert ada.listed(timeline) == [id_ for number, id_ in enumerate(written) if number % 3 == 1][::-1]
    assert ada.do("DELETE", path).status_code == 204
    for gone in (path, f"{path}/accounts", timeline):
        assert ada.do("GET", gone).status_code == 404
    assert ada.do("DELETE", path).status_code == 404
    assert ada.listed("/v1/lists") == []


def test_a_cursor_is_of_one_list(people: list[Person]) -> None:
    ada, ben, _ = people
    paths = []
    for number in range(3):
        made = ada.do("POST", "/v1/lists", title=f"List {number}").json["id"]
        assert ada.do("PUT", f"/v1/lists/{made}/accounts/{ben.id}").status_code == 204
        paths.append(f"/v1/timelines/lists/{made}")
    ben.publish("One")
    cursor = ada.do("GET", paths[0]).json["prev"]
    assert ada.do("GET", f"{paths[0]}?cursor={cursor}").status_code == 200
    assert ada.do("GET", f"{paths[1]}?cursor={cursor}").status_code == 400
    assert ada.listed("/v1/lists") == [path.rsplit("/")[-1] for path in paths[::-1]]


def test_a_followed_hashtag_brings_its_twoots_home(people: list[Person]) -> None:
    _, ben, cho = people
    written = cho.publish("A cup of #Tea")
    assert ben.listed("/v1/timelines/home") == []
    for spelling in ("tea", "TEA"):
        assert ben.do("PUT", f"/v1/hashtags/{spelling}/follow").status_code == 204
    assert ben.do("PUT", "/v1/hashtags/cake/follow").status_code == 204
    assert ben.do("PUT", "/v1/hashtags/no%20tag/follow").status_code == 404
    assert ben.listed("/v1/timelines/home") == [written]
    assert ben.listed("/v1/me/hashtags") == ["cake", "Tea"]
    shown = ben.do("GET", "/v1/me/hashtags").json["items"][1]
    assert set(shown) == {"name", "uses", "accounts", "last_used_at", "windows"}
    for _ in range(2):
        assert ben.do("DELETE", "/v1/hashtags/tea/follow").status_code == 204
    assert ben.do("DELETE", "/v1/hashtags/no%20tag/follow").status_code == 204
    assert ben.listed("/v1/timelines/home") == []
    assert ben.listed("/v1/me/hashtags") == ["cake"]
