"""The first version's routes: messages with one given tag, and their statistics."""

from typing import Any

import pytest
from falcon.testing import TestClient

from tests.api.conftest import SignUp
from tests.houses import opened
from tests.outbox import drain
from twooter.api.app import create_app
from twooter.domain.ids import ANONYMOUS_ID
from twooter.services.house import Services
from twooter.settings import Settings


def post(client: TestClient, text: str, tag: str, **headers: str) -> Any:
    return client.simulate_post("/messages", json={"text": text, "tag": tag}, headers=headers)


def listed(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    answer = client.simulate_get("/messages", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json
    return found


def stats(client: TestClient, query: str = "") -> Any:
    return client.simulate_get("/management/message-stats", query_string=query)


def publish(client: TestClient, token: str, text: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert client.simulate_post("/v1/twoots", json={"text": text}, headers=headers).status_code == 201


def test_a_posted_message_is_answered_and_listed_as_the_first_version_did(client: TestClient) -> None:
    answer = post(client, "Hello", "night-life")
    assert answer.status_code == 200
    (message,) = listed(client)
    assert answer.json == f"Posted new message: {message['id']}"
    assert message["text"] == "Hello"
    assert message["tag"] == "night-life"
    assert message["timestamp"].endswith("Z")
    assert isinstance(message["id"], str)


def test_a_tag_is_shown_as_typed_and_matched_in_any_spelling(client: TestClient) -> None:
    for tag in ("Café", "CAFÉ", " café", "tea"):
        assert post(client, "x", tag).status_code == 200
    assert [m["tag"] for m in listed(client, tag="cafe\u0301")] == [" café", "CAFÉ", "Café"]
    assert listed(client, tag="nobody used this") == []


def test_tags_that_differ_by_white_space_around_are_one(client: TestClient) -> None:
    assert post(client, "x", "coffee").status_code == 200
    assert post(client, "x", "coffee  ").status_code == 200
    assert [m["tag"] for m in listed(client, tag="coffee")] == ["coffee  ", "coffee"]


def test_a_messages_text_is_not_parsed_and_other_twoots_show_their_first_hashtag(
    client: TestClient, sign_up: SignUp
) -> None:
    token = sign_up("ada")
    post(client, "about #tea", "coffee")
    publish(client, token, "no hashtag")
    publish(client, token, "first #Milk then #coffee")
    assert [m["tag"] for m in listed(client)] == ["Milk", None, "coffee"]
    assert [m["tag"] for m in listed(client, tag="coffee")] == ["Milk", "coffee"]
    assert listed(client, tag="tea") == []


def test_messages_come_newest_first_up_to_the_limit(client: TestClient) -> None:
    for number in range(5):
        post(client, str(number), "n")
    assert [m["text"] for m in listed(client, limit=3)] == ["4", "3", "2"]
    assert [m["text"] for m in listed(client, tag="n", limit=1000)] == ["4", "3", "2", "1", "0"]


def test_a_message_with_a_token_belongs_to_its_account(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token = sign_up("ada")
    mine = post(client, "mine", "x", Authorization=f"Bearer {token}").json.rpartition(" ")[2]
    nobodys = post(client, "nobody's", "x").json.rpartition(" ")[2]
    assert services.twoots.get(int(mine), None).author.username == "ada"
    assert services.twoots.get(int(nobodys), None).author.id == ANONYMOUS_ID


def test_an_idempotency_key_holds_with_a_token_and_is_passed_over_without_one(
    client: TestClient, sign_up: SignUp
) -> None:
    token = sign_up("ada")
    signed_in = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
    assert post(client, "a", "x", **signed_in).json == post(client, "a", "x", **signed_in).json
    assert post(client, "b", "x", **signed_in).status_code == 422
    anonymous = {"Idempotency-Key": "k1"}
    assert post(client, "a", "x", **anonymous).json != post(client, "a", "x", **anonymous).json


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x"},
        {"tag": "x"},
        {"text": "", "tag": "x"},
        {"text": "x", "tag": ""},
        {"text": "x", "tag": " \u00a0\t"},
        {"text": "x", "tag": "t" * 256},
        {"text": "x", "tag": "a\0b"},
        {"text": "x" * 10_001, "tag": "x"},
        {"text": 1, "tag": "x"},
        [],
    ],
)
def test_a_bad_message_is_422_with_a_message(client: TestClient, body: Any) -> None:
    answer = client.simulate_post("/messages", json=body)
    assert answer.status_code == 422
    assert answer.json["message"] == answer.json["detail"]
    assert answer.json["code"]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_a_tag_of_255_characters_that_grow_is_kept(client: TestClient) -> None:
    tag = "\ufdfa" * 255  # 18 characters each, once normalised
    assert post(client, "x", tag).status_code == 200
    assert [m["tag"] for m in listed(client, tag=tag)] == [tag]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "tag=", "limit=1_0"]
)
def test_a_bad_list_query_is_400(client: TestClient, query: str) -> None:
    answer = client.simulate_get("/messages", query_string=query)
    assert answer.status_code == 400
    assert answer.json["message"]


def test_without_a_token_messages_are_refused_where_they_are_not_allowed(settings: Settings) -> None:
    with opened(settings.model_copy(update={"anonymous_messages": False})) as services:
        answer = post(TestClient(create_app(services)), "x", "x")
    assert answer.status_code == 401
    assert answer.json["message"]
    assert "WWW-Authenticate" in answer.headers


def test_anonymous_messages_are_limited_by_network(settings: Settings) -> None:
    with opened(settings.model_copy(update={"limit_anonymous_messages": "2/hour"})) as services:
        client = TestClient(create_app(services))
        assert [post(client, "x", "x").status_code for _ in range(3)] == [200, 200, 429]


def test_a_deleted_twoot_is_not_listed(client: TestClient, sign_up: SignUp) -> None:
    signed_in = {"Authorization": f"Bearer {sign_up('ada')}"}
    id_ = post(client, "x", "x", **signed_in).json.rpartition(" ")[2]
    assert client.simulate_delete(f"/v1/twoots/{id_}", headers=signed_in).status_code == 204
    assert listed(client) == []
    assert listed(client, tag="x") == []


def test_statistics_count_by_year_and_the_spelling_stored_first(
    client: TestClient, services: Services
) -> None:
    for tag in ("Coffee", "coffee", "tea"):
        post(client, "x #milk", tag)
    drain(services)
    year = listed(client)[0]["timestamp"][:4]
    answer = stats(client)
    assert answer.status_code == 200
    assert answer.json == {year: {"Coffee": 2, "tea": 1}}
    assert stats(client, f"start={year}&end={year}").json == answer.json
    assert stats(client, f"start=0&end={int(year) - 1}").json == {}


def test_statistics_that_have_not_changed_are_304(client: TestClient, services: Services) -> None:
    post(client, "x", "x")
    drain(services)
    etag = stats(client).headers["ETag"]
    again = client.simulate_get("/management/message-stats", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "query", ["start=-1", "end=3001", "start=abc", "start=", "end=2019.5", "start=%D9%A1", "start=1_0"]
)
def test_years_out_of_range_or_not_numbers_are_422(client: TestClient, query: str) -> None:
    answer = stats(client, query)
    assert answer.status_code == 422
    assert answer.json["message"]
    assert answer.json["errors"][0]["field"] in ("start", "end")


def test_an_end_before_the_start_is_400_with_a_message(client: TestClient) -> None:
    answer = stats(client, "start=2020&end=2019")
    assert answer.status_code == 400
    assert "end" in answer.json["message"]


def test_the_years_0_and_3000_are_in_range(client: TestClient) -> None:
    assert stats(client, "start=0&end=3000").status_code == 200
    assert stats(client, "start=3000&end=3000").json == {}
