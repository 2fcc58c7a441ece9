"""Search over HTTP: one route for twoots, accounts and hashtags, with pages bound to what was asked."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services

SEARCH = "/v1/search"
before_the_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of what is refused, or shaped, before any database is asked."""


@pytest.fixture
def headers(sign_up: SignUp) -> dict[str, str]:
    """Return the headers of somebody who writes."""
    return {"Authorization": f"Bearer {sign_up('ada')}"}


def publish(client: TestClient, services: Services, headers: dict[str, str], *texts: str) -> list[str]:
    """Publish twoots and let workers see them; return their ids."""
    answers = [client.simulate_post("/v1/twoots", headers=headers, json={"text": text}) for text in texts]
    drain(services)
    return [answer.json["id"] for answer in answers]


def search(client: TestClient, q: str, headers: dict[str, str] | None = None, **query: Any) -> Result:
    return client.simulate_get(SEARCH, params={"q": q, **query}, headers=headers)


def test_what_is_found_has_the_shapes_it_has_elsewhere(
    client: TestClient, services: Services, headers: dict[str, str]
) -> None:
    (id_,) = publish(client, services, headers, "Green #tea")
    twoot = client.simulate_get(f"/v1/twoots/{id_}").json
    account = client.simulate_get("/v1/accounts/lookup?username=ada").json
    tag = client.simulate_get("/v1/hashtags?prefix=tea").json["items"][0]
    assert search(client, '"green tea" from:ada').json["items"] == [twoot]
    assert search(client, "AD", type="accounts").json == {"items": [account], "next": None, "prev": None}
    assert search(client, "#T", type="hashtags").json == {"items": [tag], "next": None, "prev": None}
    seen = search(client, "green", headers).json["items"]
    assert [item["viewer"]["liked"] for item in seen] == [False]


def test_anonymous_answers_are_told_apart_by_an_etag_and_personal_ones_are_not_kept(
    client: TestClient, services: Services, headers: dict[str, str]
) -> None:
    publish(client, services, headers, "tea")
    answer = search(client, "tea")
    again = search(client, "tea", {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    mine = search(client, "tea", headers)
    assert "etag" not in mine.headers
    assert mine.headers["cache-control"] == "private, no-store"


def test_links_lead_through_every_page_of_what_was_asked(
    client: TestClient, services: Services, headers: dict[str, str]
) -> None:
    written = publish(client, services, headers, *(f"ünder & {n} #tea" for n in range(7)))
    answer, seen = search(client, '"ünder" & #tea', limit=3), []
    while True:
        seen += [item["id"] for item in answer.json["items"]]
        found = re.search(r'<http://127\.0\.0\.1:8000([^>]+)>; rel="next"', answer.headers["link"])
        if found is None:
            break
        answer = client.simulate_get(found[1])
    assert seen == written[::-1]


def test_a_cursor_is_of_one_question_alone(
    client: TestClient, services: Services, headers: dict[str, str]
) -> None:
    publish(client, services, headers, "tea cup", "tea cup")
    cursor = search(client, "tea", limit=1).json["next"]
    assert search(client, "tea", cursor=cursor).status_code == 200
    for other in (
        search(client, "cup", cursor=cursor),
        search(client, "tea", headers, cursor=cursor),
        search(client, "tea", cursor=cursor, type="accounts"),
        client.simulate_get("/v1/timelines/public", params={"cursor": cursor}),
    ):
        assert (other.status_code, other.json["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("kind", ["twoots", "accounts", "hashtags"])
def test_operators_alone_and_mixed_are_text(
    client: TestClient, services: Services, headers: dict[str, str], kind: str
) -> None:
    publish(client, services, headers, "tea")
    operators = [
        "+",
        "-",
        "(",
        ")",
        '"',
        "*",
        "@",
        "~",
        "<",
        ">",
        "\0",
        "\u202e",
        "%",
        "_",
        "\\",
        "' OR 1=1 -- ",
    ]
    for text in (
        *operators,
        "".join(operators),
        '+(~<a> -"b" @3)*',
        "tea" * 66,
        "ﷺ" * 200,
        "a " * 100,
        "猫" * 200,
    ):
        for who in ({}, headers):
            answer = client.simulate_get(f"{SEARCH}?q={quote(text)}&type={kind}", headers=who)
            assert answer.status_code == 200, (text, answer.json)


@before_the_database
@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=",
        f"q={'a' * 201}",
        "q=a&q=b",
        "q=a&type=people",
        "q=%ed%a0%80",
        "q=a&limit=101",
        "q=a&cursor=x",
    ],
)
def test_what_is_no_question_is_refused(client: TestClient, query: str) -> None:
    answer = client.simulate_get(SEARCH, query_string=query)
    assert answer.status_code == 400
    assert answer.json["request_id"]


@before_the_database
@pytest.mark.parametrize("changes", [{"limit_searches": "2/minute"}])
def test_searches_are_counted_by_account_and_by_network(client: TestClient, headers: dict[str, str]) -> None:
    for who in ({}, headers):
        assert [search(client, "tea", who).status_code for _ in range(3)] == [200, 200, 429]
    assert "retry-after" in search(client, "tea").headers
