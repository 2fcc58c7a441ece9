"""Twoots over HTTP: their shape to the letter, and what is answered to whom."""

from itertools import count
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.domain import ids
from twooter.services.house import Services

before_the_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of what is refused, or shaped, before any database is asked."""

NOON_MS = 1_769_860_800_000
"""2026-01-31T12:00:00Z."""


NOTHING_DONE = {"liked": False, "retwooted": False, "bookmarked": False}


@pytest.fixture
def numbered(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ids known beforehand: one of each millisecond from noon on."""
    numbers = count(NOON_MS)
    monkeypatch.setattr(services.ids, "make", lambda **_: ids.compose(next(numbers), 7, 0))


@pytest.fixture
def token(sign_up: SignUp) -> str:
    """Return the token of somebody who writes."""
    return sign_up("ada")


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def publish(
    client: TestClient, token: str, text: str, headers: dict[str, str] | None = None, **given: Any
) -> Result:
    return client.simulate_post("/v1/twoots", json={"text": text} | given, headers=headers or bearer(token))


def test_the_shape_of_a_twoot(client: TestClient, numbered: None, token: str, services: Services) -> None:
    text = "Hi @Bob & <all>\n#Öl at https://example.org/?a=1&b=2."
    answer = publish(client, token, text, language="en-GB")
    author = services.authenticate(token)
    id_ = answer.json["id"]
    assert answer.json == {
        "id": id_,
        "type": "twoot",
        "text": text,
        "html": (
            'Hi <a href="http://127.0.0.1:8000/v1/accounts/lookup?username=bob">@Bob</a> &amp; &lt;all&gt;<br>'
            '<a href="http://127.0.0.1:8000/v1/timelines/tags/%C3%B6l" rel="tag">#Öl</a> at '
            '<a href="https://example.org/?a=1&amp;b=2" rel="nofollow noopener noreferrer ugc">'
            "https://example.org/?a=1&amp;b=2</a>."
        ),
        "author": {
            "id": str(author.account_id),
            "username": "ada",
            "display_name": "ada",
            "avatar_url": None,
        },
        "created_at": f"2026-01-31T12:00:00.{ids.time_ms(int(id_)) - NOON_MS:03d}Z",
        "edited_at": None,
        "visibility": "public",
        "language": "en-GB",
        "reply_to": None,
        "quote_of": None,
        "hashtags": ["Öl"],
        "mentions": ["bob"],
        "counts": {"replies": 0, "likes": 0, "retwoots": 0, "quotes": 0},
        "content_warning": None,
        "quoted": None,
        "viewer": NOTHING_DONE,
        "poll": None,
        "moderation": None,
        "url": f"http://127.0.0.1:8000/v1/twoots/{id_}",
    }
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/twoots/{id_}"
    assert ids.parse(id_) is not None
    mine = client.simulate_get(answer.headers["location"], headers=bearer(token))
    assert mine.json == answer.json


def test_a_reply_shows_its_parent_which_counts_it(client: TestClient, services: Services, token: str) -> None:
    parent = publish(client, token, "a question").json["id"]
    reply = publish(client, token, "an answer", reply_to=parent)
    assert reply.json["reply_to"] == parent
    drain(services)
    assert client.simulate_get(f"/v1/twoots/{parent}").json["counts"]["replies"] == 1


def test_counts_are_never_below_nothing(client: TestClient, services: Services, token: str) -> None:
    id_ = publish(client, token, "x").json["id"]
    services.storage.database.execute_sql(
        "UPDATE twoots SET replies = -1, likes = -2, retwoots = -3, quotes = -4"
    )
    assert set(client.simulate_get(f"/v1/twoots/{id_}").json["counts"].values()) == {0}


def test_everybody_reads_a_twoot(client: TestClient, sign_up: SignUp, token: str) -> None:
    id_ = publish(client, token, "x").json["id"]
    anonymous = client.simulate_get(f"/v1/twoots/{id_}")
    other = client.simulate_get(f"/v1/twoots/{id_}", headers=bearer(sign_up("bob")))
    assert (anonymous.status_code, other.status_code) == (200, 200)
    assert anonymous.json["viewer"] is None
    assert other.json == anonymous.json | {"viewer": NOTHING_DONE}
    assert other.headers["cache-control"] == "private, no-store"


@before_the_database
@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({"text": ""}, 422, "text"),
        ({"text": "x" * 281}, 422, "text"),
        ({"text": "a\x00b"}, 422, "text"),
        ({"text": "x" * 10_001}, 422, "text"),
        ({"text": 1}, 422, "text"),
        ({}, 422, "text"),
        ({"text": "x", "reply_to": "12345"}, 422, "reply_to"),
        ({"text": "x", "reply_to": 12345}, 422, "reply_to"),
        ({"text": "x", "language": "not a language"}, 422, "language"),
        ([], 422, "body"),
        ({"text": "x", "reply_to": "abc"}, 422, "reply_to"),
        ({"text": "x", "reply_to": "0"}, 422, "reply_to"),
        ({"text": "x", "reply_to": str(2**63)}, 422, "reply_to"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_refused_naming_the_field(
    client: TestClient, token: str, given: Any, status: int, field: str
) -> None:
    answer = client.simulate_post("/v1/twoots", json=given, headers=bearer(token))
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (status, [field])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert client.simulate_get("/v1/timelines/public").json["items"] == []


def test_nobody_publishes_without_a_token(client: TestClient) -> None:
    answer = client.simulate_post("/v1/twoots", json={"text": "x"})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="twooter"'


def test_a_key_makes_one_twoot_and_the_same_answer(client: TestClient, token: str) -> None:
    headers = bearer(token, Idempotency_Key="key-1")
    first = publish(client, token, "#once", headers)
    again = publish(client, token, "#once", headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["location"] == first.headers["location"]
    assert len(client.simulate_get("/v1/timelines/public").json["items"]) == 1


def test_a_key_of_another_request_is_422(client: TestClient, token: str) -> None:
    headers = bearer(token, Idempotency_Key="key-1")
    publish(client, token, "one", headers)
    for again in (
        publish(client, token, "two", headers),
        publish(client, token, "one", headers, language="en"),
    ):
        assert (again.status_code, again.json["errors"][0]["code"]) == (422, "key_reused")


def test_a_key_is_of_its_route(client: TestClient, token: str) -> None:
    headers = bearer(token, Idempotency_Key="key-1")
    publish(client, token, "one", headers)
    answer = client.simulate_post("/messages", json={"text": "one", "tag": "one"}, headers=headers)
    assert answer.status_code == 422


@before_the_database
@pytest.mark.parametrize("key", ["", "has space", "x" * 256, "\u00e9"])
def test_a_bad_key_is_400(client: TestClient, token: str, key: str) -> None:
    answer = publish(client, token, "x", bearer(token, Idempotency_Key=key))
    assert (answer.status_code, answer.json["code"]) == (400, "bad_key")


def test_a_replay_of_a_deleted_twoot_is_404(client: TestClient, token: str) -> None:
    headers = bearer(token, Idempotency_Key="key-1")
    id_ = publish(client, token, "x", headers).json["id"]
    assert client.simulate_delete(f"/v1/twoots/{id_}", headers=bearer(token)).status_code == 204
    assert publish(client, token, "x", headers).status_code == 404


def test_deleting_answers_nothing_and_twice_404(client: TestClient, token: str) -> None:
    path = f"/v1/twoots/{publish(client, token, 'x').json['id']}"
    deleted = client.simulate_delete(path, headers=bearer(token))
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [client.simulate_delete(path, headers=bearer(token)).status_code for _ in range(2)] == [404, 404]
    assert client.simulate_get(path).status_code == 404


def test_only_the_author_deletes(client: TestClient, sign_up: SignUp, token: str) -> None:
    path = f"/v1/twoots/{publish(client, token, 'x').json['id']}"
    other = client.simulate_delete(path, headers=bearer(sign_up("bob")))
    assert (other.status_code, other.json["code"]) == (403, "forbidden")
    assert client.simulate_delete(path).status_code == 401
    assert client.simulate_get(path).status_code == 200


@before_the_database
@pytest.mark.parametrize("id_", ["0", "-1", "abc", "01", str(2**63), str(2**64), "1" * 5000, "1.0", "%D9%A1"])
def test_what_is_no_id_is_not_found(client: TestClient, token: str, id_: str) -> None:
    for answer in (
        client.simulate_get(f"/v1/twoots/{id_}"),
        client.simulate_delete(f"/v1/twoots/{id_}", headers=bearer(token)),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("changes", [{"limit_twoots": "2/hour"}])
def test_publishing_is_limited_by_account(client: TestClient, sign_up: SignUp, token: str) -> None:
    answers = [publish(client, token, "x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[0].headers["ratelimit"] == '"twoots";r=1'
    assert answers[0].headers["ratelimit-policy"] == '"twoots";q=2;w=3600'
    assert 0 < int(answers[2].headers["retry-after"]) <= 3600
    assert publish(client, sign_up("bob"), "x").status_code == 201


@before_the_database
@pytest.mark.parametrize("changes", [{"public_url": "https://twooter.example"}])
def test_addresses_are_those_that_clients_see(client: TestClient, token: str) -> None:
    answer = publish(client, token, "#tea").json
    assert answer["url"].startswith("https://twooter.example/v1/twoots/")
    assert 'href="https://twooter.example/v1/timelines/tags/tea"' in answer["html"]
