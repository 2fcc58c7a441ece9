"""Scheduled twoots over HTTP: scheduled by publishing with a time, listed, read, changed and cancelled."""

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


def call(client: TestClient, token: str, method: str, path: str, body: Any = None, **headers: str) -> Result:
    given = {"Authorization": f"Bearer {token}", **headers}
    return client.simulate_request(method, path, headers=given, json=body)


def test_a_twoot_with_a_time_is_kept_until_then(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    ada, at, ends = sign_up("ada"), later(), later(7_200)
    poll = {"options": ["a", "b"], "multiple": True, "expires_at": ends}
    body = {
        "text": " Hello #tea ",
        "scheduled_at": at,
        "visibility": "unlisted",
        "language": "en",
        "poll": poll,
    }
    made = call(client, ada, "POST", "/v1/twoots", body)
    assert made.status_code == 202
    path = made.headers["Location"]
    assert path == f"/v1/scheduled/{made.json['id']}"
    assert made.json == {
        "id": made.json["id"],
        "created_at": made.json["created_at"],
        "scheduled_at": at,
        "text": "Hello #tea",
        "visibility": "unlisted",
        "content_warning": None,
        "language": "en",
        "reply_to": None,
        "quote_of": None,
        "poll": poll,
        "refused": None,
    }
    assert call(client, ada, "GET", path).json == made.json
    assert call(client, ada, "GET", "/v1/scheduled").json["items"] == [made.json]
    assert call(client, ada, "GET", "/v1/timelines/home").json["items"] == []
    sooner = later(1_800)
    changed = call(client, ada, "PATCH", path, {"scheduled_at": sooner, "text": "Goodbye"})
    assert changed.json == {**made.json, "scheduled_at": sooner, "text": "Goodbye"}
    services.storage.database.execute_sql("UPDATE scheduled_twoots SET due_ms = 1")
    services.publications.sweep()
    (twoot,) = call(client, ada, "GET", "/v1/timelines/home").json["items"]
    assert (twoot["text"], twoot["visibility"], twoot["poll"]["multiple"]) == ("Goodbye", "unlisted", True)
    assert call(client, ada, "GET", path).status_code == 404


def test_what_is_scheduled_is_its_authors_alone_and_may_be_cancelled(
    client: TestClient, sign_up: SignUp
) -> None:
    ada, bob = sign_up("ada"), sign_up("bob")
    path = call(client, ada, "POST", "/v1/twoots", {"text": "Hm", "scheduled_at": later()}).headers[
        "Location"
    ]
    assert client.simulate_get("/v1/scheduled").status_code == 401
    assert call(client, bob, "GET", "/v1/scheduled").json["items"] == []
    for method, body in (("GET", None), ("PATCH", {"text": "Mine"}), ("DELETE", None)):
        assert call(client, bob, method, path, body).status_code == 404
    assert [call(client, ada, "DELETE", path).status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize(
    "change",
    [
        {"scheduled_at": later(5)},
        {"scheduled_at": later(-60)},
        {"scheduled_at": later(200 * 86_400)},
        {"scheduled_at": "tomorrow"},
        {"scheduled_at": 1_900_000_000_000},
        {"scheduled_at": later().removesuffix("Z")},  # in whose zone?
        {"text": ""},
        {"text": "x" * 281},
        {"visibility": "secret"},
        {"language": "not a tag"},
        {"content_warning": "two\nlines"},
        {"poll": {"options": ["a", "b"], "expires_at": later(60)}},
    ],
)
def test_what_could_not_be_published_then_is_refused(
    client: TestClient, sign_up: SignUp, change: dict[str, Any]
) -> None:
    ada, body = sign_up("ada"), {"text": "Hm", "scheduled_at": later()}
    path = call(client, ada, "POST", "/v1/twoots", body).headers["Location"]
    for method, place, given in (("PATCH", path, change), ("POST", "/v1/twoots", body | change)):
        answer = call(client, ada, method, place, given)
        assert answer.status_code == 422, answer.json
        assert {error["field"].split(".")[0] for error in answer.json["errors"]} == set(change)
    assert len(call(client, ada, "GET", "/v1/scheduled").json["items"]) == 1


def test_a_refused_one_says_why(client: TestClient, services: Services, sign_up: SignUp) -> None:
    ada = sign_up("ada")
    parent = call(client, ada, "POST", "/v1/twoots", {"text": "Anybody?"}).json["id"]
    given = {"text": "Here", "reply_to": parent, "scheduled_at": later()}
    path = call(client, ada, "POST", "/v1/twoots", given).headers["Location"]
    assert call(client, ada, "DELETE", f"/v1/twoots/{parent}").status_code == 204
    services.storage.database.execute_sql("UPDATE scheduled_twoots SET due_ms = 1")
    services.publications.sweep()
    shown = call(client, ada, "GET", path).json
    assert shown["refused"] == {"code": "no_such_twoot", "detail": "The twoot you answer does not exist."}
    drain(services)
    (told,) = call(client, ada, "GET", "/v1/notifications?types=scheduled_refused").json["items"]
    assert (told["type"], told["twoot"], told["scheduled"]) == ("scheduled_refused", None, shown)
    assert [(one["username"], told["count"]) for one in told["accounts"]] == [("ada", 1)]
    assert call(client, ada, "GET", "/v1/notifications/unread").json["count"] == 1
    assert call(client, ada, "DELETE", path).status_code == 204
    assert call(client, ada, "GET", "/v1/notifications").json["items"] == []
    assert call(client, ada, "GET", "/v1/notifications/unread").json["count"] == 0


def test_a_key_schedules_once_and_then_answers_with_the_twoot(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    ada, body, key = sign_up("ada"), {"text": "Once", "scheduled_at": later()}, {"Idempotency-Key": "once"}
    made = [call(client, ada, "POST", "/v1/twoots", body, **key) for _ in range(3)]
    assert {answer.status_code for answer in made} == {202}
    assert len({answer.json["id"] for answer in made}) == 1
    services.storage.database.execute_sql("UPDATE scheduled_twoots SET due_ms = 1")
    services.publications.sweep()
    again = call(client, ada, "POST", "/v1/twoots", body, **key)
    assert (again.status_code, again.json["text"], again.json["type"]) == (201, "Once", "twoot")
    other = call(client, ada, "POST", "/v1/twoots", {**body, "text": "Twice"}, **key)
    assert (other.status_code, other.json["errors"][0]["code"]) == (422, "key_reused")
