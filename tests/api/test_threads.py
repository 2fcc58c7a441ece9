"""Threads and histories over HTTP: their shapes, their pages, and who may read them."""

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services


@pytest.fixture
def token(sign_up: SignUp) -> str:
    """Return the token of somebody who writes."""
    return sign_up("ada")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def publish(client: TestClient, token: str, text: str, **given: str | None) -> str:
    answer = client.simulate_post("/v1/twoots", headers=bearer(token), json={"text": text} | given)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def patch(client: TestClient, token: str, id_: str, **given: str) -> Result:
    return client.simulate_patch(f"/v1/twoots/{id_}", headers=bearer(token), json=given)


def ids(result: Result) -> list[str]:
    assert result.status_code == 200, result.json
    return [item["id"] for item in result.json["items"]]


def test_a_thread_shows_what_is_above_and_below(client: TestClient, services: Services, token: str) -> None:
    top = publish(client, token, "top")
    middle = publish(client, token, "middle", reply_to=top)
    bottom = publish(client, token, "bottom", reply_to=middle)
    drain(services)
    read = client.simulate_get(f"/v1/twoots/{middle}/thread")
    assert [(item["id"], item["type"]) for item in read.json["ancestors"]] == [(top, "twoot")]
    assert ids(read) == [bottom]
    client.simulate_delete(f"/v1/twoots/{top}", headers=bearer(token))
    read = client.simulate_get(f"/v1/twoots/{middle}/thread", headers=bearer(token))
    assert read.json["ancestors"] == [{"id": top, "type": "gone"}]
    assert client.simulate_get(f"/v1/twoots/{top}/thread").status_code == 404


def test_a_conversation_is_paged_from_its_beginning(
    client: TestClient, services: Services, token: str
) -> None:
    top = publish(client, token, "top")
    replies = [publish(client, token, str(n), reply_to=top) for n in range(5)]
    drain(services)
    found, cursor = list[str](), None
    for _ in range(3):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.simulate_get(f"/v1/twoots/{top}/thread", params=params)
        found += ids(page)
        cursor = page.json["next"]
    assert (found, cursor) == (replies, None)
    assert 'rel="prev"' in page.headers["link"]
    other = publish(client, token, "another")
    stolen = {"cursor": page.json["prev"]}
    assert client.simulate_get(f"/v1/twoots/{other}/thread", params=stolen).status_code == 400


def test_an_edit_is_answered_with_the_twoot_and_kept_in_its_history(client: TestClient, token: str) -> None:
    id_ = publish(client, token, "frist #tea", language="en")
    edited = patch(client, token, id_, text="first #jam", content_warning="Food")
    assert edited.status_code == 200
    assert edited.json["edited_at"] is not None
    assert (edited.json["text"], edited.json["hashtags"]) == ("first #jam", ["jam"])
    anonymous = client.simulate_get(f"/v1/twoots/{id_}").json
    assert anonymous == edited.json | {"viewer": None}
    history = client.simulate_get(f"/v1/twoots/{id_}/history").json["items"]
    assert [(e["version"], e["text"], e["content_warning"], e["language"]) for e in history] == [
        (2, "first #jam", "Food", "en"),
        (1, "frist #tea", None, "en"),
    ]
    assert history[1]["written_at"] == anonymous["created_at"]
    assert history[0]["written_at"] == anonymous["edited_at"]


def test_an_edit_shows_on_every_page_at_once(client: TestClient, token: str) -> None:
    id_ = publish(client, token, "frist #tea")
    account = client.simulate_get(f"/v1/twoots/{id_}").json["author"]["id"]
    pages = ["/v1/timelines/public", "/v1/timelines/tags/tea", f"/v1/accounts/{account}/twoots"]
    assert [ids(client.simulate_get(page)) for page in pages] == [[id_]] * 3
    patch(client, token, id_, text="first #jam")
    assert [ids(client.simulate_get(page)) for page in pages] == [[id_], [], [id_]]
    assert client.simulate_get(pages[0]).json["items"][0]["text"] == "first #jam"
    assert ids(client.simulate_get("/v1/timelines/tags/jam")) == [id_]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "x" * 281}, 422),
        ({"language": "not a language"}, 422),
        ({"content_warning": "w" * 101}, 422),
        ({"text": None}, 200),
        ({}, 200),
    ],
)
def test_what_an_edit_may_say(client: TestClient, token: str, given: dict[str, str], status: int) -> None:
    id_ = publish(client, token, "mine")
    assert patch(client, token, id_, **given).status_code == status
    assert client.simulate_get(f"/v1/twoots/{id_}").json["text"] == "mine"


def test_only_the_author_edits(client: TestClient, token: str, sign_up: SignUp) -> None:
    id_ = publish(client, token, "mine")
    hidden = publish(client, token, "mine alone", visibility="mentioned")
    other = sign_up("bob")
    assert patch(client, other, id_, text="yours").status_code == 403
    assert patch(client, other, hidden, text="yours").status_code == 404
    assert client.simulate_get(f"/v1/twoots/{hidden}/history", headers=bearer(other)).status_code == 404
    assert client.simulate_get(f"/v1/twoots/{hidden}/thread", headers=bearer(other)).status_code == 404
