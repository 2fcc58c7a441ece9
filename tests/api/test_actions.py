"""Actions over HTTP: the twoot as it is now for the one who acts, lists with cursors, refusals with codes."""

from collections.abc import Callable
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services

Call = Callable[..., Result]
Publish = Callable[..., str]
FLAGS = {"like": "liked", "retwoot": "retwooted", "bookmark": "bookmarked"}


@pytest.fixture
def call(client: TestClient) -> Call:
    """Return what sends a request with a token, or without."""

    def send(method: str, path: str, token: str | None = None, **options: Any) -> Result:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return client.simulate_request(method, path, headers=headers, **options)

    return send


@pytest.fixture
def ada(sign_up: SignUp) -> str:
    """Sign Ada in."""
    return sign_up("ada")


@pytest.fixture
def bob(sign_up: SignUp) -> str:
    """Sign Bob in."""
    return sign_up("bob")


@pytest.fixture
def publish(call: Call) -> Publish:
    """Return what publishes and returns the twoot's id."""

    def post(token: str, text: str = "hello", **more: object) -> str:
        answer = call("POST", "/v1/twoots", token, json={"text": text, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    return post


def shown(answer: Result) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


@pytest.mark.parametrize("action", FLAGS)
def test_an_action_answers_the_twoot_as_the_viewer_has_it_now(
    call: Call, services: Services, ada: str, bob: str, publish: Publish, action: str
) -> None:
    id_ = publish(ada)
    flags = dict.fromkeys(FLAGS.values(), False)
    for _ in range(2):
        answer = call("PUT", f"/v1/twoots/{id_}/{action}", bob)
        assert answer.status_code == 200
        assert answer.json["viewer"] == {**flags, FLAGS[action]: True}
    assert answer.headers["cache-control"] == "private, no-store"
    drain(services)
    read = call("GET", f"/v1/twoots/{id_}", bob).json
    wanted = {"replies": 0, "likes": 0, "retwoots": 0, "quotes": 0}
    if action != "bookmark":
        wanted[f"{action}s"] = 1
    assert read["counts"] == wanted
    assert call("PUT", f"/v1/twoots/{id_}/{action}", bob).json == read
    for _ in range(2):
        answer = call("DELETE", f"/v1/twoots/{id_}/{action}", bob)
        assert (answer.status_code, answer.json["viewer"]) == (200, flags)
    drain(services)
    assert not any(call("GET", f"/v1/twoots/{id_}").json["counts"].values())


def test_refusals_say_why(call: Call, ada: str, bob: str, publish: Publish) -> None:
    hidden, deleted = publish(ada, visibility="followers"), publish(ada)
    assert call("DELETE", f"/v1/twoots/{deleted}", ada).status_code == 204
    for id_ in (hidden, deleted, "1", "x", "0", "-1", str(2**70)):
        for action in (*FLAGS, "pin"):
            for method in ("PUT", "DELETE"):
                answer = call(method, f"/v1/twoots/{id_}/{action}", bob)
                assert (answer.status_code, answer.json["code"]) == (404, "not_found"), (id_, action)
        for what in ("likes", "retwoots"):
            assert call("GET", f"/v1/twoots/{id_}/{what}", bob).status_code == 404
    answer = call("PUT", f"/v1/twoots/{hidden}/retwoot", ada)
    assert (answer.status_code, answer.json["code"]) == (403, "not_open")
    own = [publish(ada) for _ in range(6)]
    assert call("PUT", f"/v1/twoots/{own[0]}/pin", bob).status_code == 403
    assert call("DELETE", f"/v1/twoots/{own[0]}/pin", bob).status_code == 403
    for id_ in own[:5]:
        assert call("PUT", f"/v1/twoots/{id_}/pin", ada).status_code == 200
    answer = call("PUT", f"/v1/twoots/{own[5]}/pin", ada)
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_pins")
    assert call("DELETE", f"/v1/twoots/{own[0]}/pin", ada).status_code == 200
    assert call("PUT", f"/v1/twoots/{own[5]}/pin", ada).status_code == 200


def test_pins_are_a_page_of_twoots(call: Call, ada: str, bob: str, publish: Publish) -> None:
    account_id = call("GET", "/v1/me", ada).json["id"]
    path = f"/v1/accounts/{account_id}/pins"
    assert call("GET", path).json == {"items": [], "next": None, "prev": None}
    id_ = publish(ada)
    call("PUT", f"/v1/twoots/{id_}/pin", ada)
    answer = call("GET", path, bob)
    assert answer.json["items"] == [call("GET", f"/v1/twoots/{id_}", bob).json]
    assert call("GET", "/v1/accounts/7/pins").status_code == 404


@pytest.mark.parametrize(("action", "path"), [("like", "/v1/me/likes"), ("bookmark", "/v1/bookmarks")])
def test_what_one_likes_and_keeps_is_read_to_its_end(
    call: Call, ada: str, bob: str, publish: Publish, action: str, path: str
) -> None:
    written = [publish(ada, f"{n}") for n in range(5)]
    for id_ in written:
        call("PUT", f"/v1/twoots/{id_}/{action}", bob)
    call("DELETE", f"/v1/twoots/{written[3]}", ada)
    found, params = list[str](), {"limit": "2"}
    for last in (False, False, True):
        answer = call("GET", path, bob, params=params)
        found += shown(answer)
        params["cursor"] = answer.json["next"]
        assert (answer.json["next"] is None) == last
    assert found == [written[n] for n in (4, 2, 1, 0)]
    assert call("GET", path, bob).json["items"][0] == call("GET", f"/v1/twoots/{written[4]}", bob).json
    assert shown(call("GET", path, ada)) == []
    assert call("GET", path).status_code == 401


def test_who_likes_and_retwoots_is_a_page_of_accounts(
    call: Call, services: Services, ada: str, bob: str, publish: Publish
) -> None:
    id_ = publish(ada)
    for token in (ada, bob):
        call("PUT", f"/v1/twoots/{id_}/like", token)
    call("PUT", f"/v1/twoots/{id_}/retwoot", bob)
    drain(services)
    ids = [call("GET", "/v1/me", token).json["id"] for token in (bob, ada)]
    answer = call("GET", f"/v1/twoots/{id_}/likes", params={"limit": "1"})
    assert answer.json["items"] == [call("GET", f"/v1/accounts/{ids[0]}").json]
    assert "etag" in answer.headers
    assert 'rel="next"' in answer.headers["link"]
    cursor = answer.json["next"]
    assert shown(call("GET", f"/v1/twoots/{id_}/likes", params={"cursor": cursor})) == ids[1:]
    assert call("GET", f"/v1/twoots/{id_}/retwoots", params={"cursor": cursor}).status_code == 400
    assert shown(call("GET", f"/v1/twoots/{id_}/retwoots", ada)) == ids[:1]
    assert shown(call("GET", f"/v1/twoots/{publish(ada)}/likes")) == []


def test_a_retwoot_is_on_ones_timeline_at_once_and_off_it_at_once(
    call: Call, ada: str, bob: str, publish: Publish
) -> None:
    id_, me = publish(ada), call("GET", "/v1/me", bob).json["id"]
    path = f"/v1/accounts/{me}/twoots"
    assert shown(call("GET", path)) == []
    call("PUT", f"/v1/twoots/{id_}/retwoot", bob)
    (row,) = call("GET", path).json["items"]
    assert (row["type"], row["by"]["id"], row["twoot"]["id"]) == ("retwoot", me, id_)
    assert call("GET", f"/v1/twoots/{row['id']}").status_code == 404
    call("DELETE", f"/v1/twoots/{id_}/retwoot", bob)
    assert shown(call("GET", path)) == []


@pytest.mark.parametrize("changes", [{"limit_actions": "4/hour"}])
def test_acting_and_taking_back_are_limited_together(
    call: Call, ada: str, bob: str, publish: Publish
) -> None:
    twoot = publish(ada)
    for method, action in (("PUT", "like"), ("DELETE", "like"), ("PUT", "bookmark"), ("PUT", "pin")):
        answer = call(method, f"/v1/twoots/{twoot}/{action}", ada)
        assert answer.status_code == 200, answer.text
    for action in (*FLAGS, "pin"):
        refused = call("PUT", f"/v1/twoots/{twoot}/{action}", ada)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert call("PUT", f"/v1/twoots/{twoot}/like", bob).status_code == 200
