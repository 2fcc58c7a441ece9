"""Hashtags over HTTP: how one is used, those with a prefix, those that trend."""

from datetime import UTC, datetime
from typing import Any

import pytest
from falcon.testing import TestClient

from tests.events import count
from tests.outbox import drain
from twooter.domain import windows
from twooter.domain.windows import DAY_MS, Unit
from twooter.services.house import Services
from twooter.storage.tables import TopTags, Trends

pytestmark = pytest.mark.usefixtures("one_hour")  # what happens is counted by window


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.simulate_get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day …


def test_a_hashtag_tells_its_uses_by_day_and_in_all(client: TestClient, services: Services) -> None:
    answer = client.simulate_post("/messages", json={"text": "x", "tag": "Coffee"})
    assert answer.status_code == 200
    now_ms = services.ids.now_ms()
    count(services, now_ms - DAY_MS, "coffee", author_id=77)
    count(services, now_ms - DAY_MS, "coffee", author_id=77)
    drain(services)
    found = get(client, "/v1/hashtags/COFFEE")
    assert (found["name"], found["uses"], found["accounts"]) == ("Coffee", 3, 2)
    assert len(found["windows"]) == 30
    assert found["windows"] == sorted(found["windows"], key=lambda window: window["start"])
    assert [(w["uses"], w["accounts"]) for w in found["windows"][-3:]] == [(0, 0), (2, 1), (1, 1)]
    assert found["last_used_at"][:10] == found["windows"][-1]["start"][:10]


@pytest.mark.parametrize(("interval", "number"), [("minute", 60), ("hour", 24), ("month", 12), ("year", 10)])
def test_other_windows_know_uses_only(
    client: TestClient, services: Services, interval: str, number: int
) -> None:
    count(services, services.ids.now_ms(), "coffee")
    drain(services)
    found = get(client, "/v1/hashtags/coffee", interval=interval)["windows"]
    assert len(found) == number
    assert sum(window["uses"] for window in found) == 1
    assert {window["accounts"] for window in found} == {None}


def test_a_range_may_be_asked_for(client: TestClient, services: Services) -> None:
    for year in (2001, 2003):
        count(services, ms(year, 3, 4), "coffee")
    drain(services)
    params = {"interval": "year", "from": "2001-01-01T00:00:00Z", "to": "2004-01-01T00:00:00Z"}
    found = get(client, "/v1/hashtags/coffee", **params)["windows"]
    assert [(w["start"][:4], w["uses"]) for w in found] == [("2001", 1), ("2002", 0), ("2003", 1)]
    params = {"interval": "day", "from": "2001-03-03", "to": "2001-03-05T00:00:00+00:00"}
    found = get(client, "/v1/hashtags/coffee", **params)["windows"]
    assert [(w["start"][:10], w["uses"]) for w in found] == [("2001-03-03", 0), ("2001-03-04", 1)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("interval=week", 400),
        ("from=yesterday", 400),
        ("from=2001-01-01&from=2002-01-01", 400),
        ("from=99999-01-01", 400),
        ("interval=day&from=2001-01-01&to=2005-01-01", 422),
        ("interval=minute&from=2001-01-01&to=2001-01-01T01:00:00Z", 422),
        ("from=2005-01-01&to=2001-01-01", 422),
        ("from=1990-01-01&to=1990-02-01", 422),
        ("interval=year&from=0001-01-01&to=9999-12-31T23:59:59Z", 422),
    ],
)
def test_a_range_that_cannot_be_is_refused(
    client: TestClient, services: Services, query: str, status: int
) -> None:
    count(services, services.ids.now_ms(), "coffee")
    drain(services)
    answer = client.simulate_get("/v1/hashtags/coffee", query_string=query)
    assert answer.status_code == status
    assert answer.json["code"]


def test_a_hashtag_nobody_used_is_not_found(client: TestClient) -> None:
    assert client.simulate_get("/v1/hashtags/nothing").status_code == 404
    assert client.simulate_get("/v1/hashtags/%20").status_code == 404


def test_hashtags_are_found_by_prefix_the_most_used_first(client: TestClient, services: Services) -> None:
    now_ms = services.ids.now_ms()
    for tag, times in (("Cafe", 1), ("cafeteria", 3), ("ca%", 2), ("tea", 9)):
        count(services, now_ms, tag, times=times)
    drain(services)
    found = get(client, "/v1/hashtags", prefix="CA")
    assert [(tag["name"], tag["uses"]) for tag in found["items"]] == [
        ("cafeteria", 3),
        ("ca%", 2),
        ("Cafe", 1),
    ]
    assert (found["next"], found["prev"]) == (None, None)
    assert len(found["items"][0]["windows"]) == 7
    assert [tag["name"] for tag in get(client, "/v1/hashtags", prefix="ca", limit=1)["items"]] == [
        "cafeteria"
    ]
    assert [tag["name"] for tag in get(client, "/v1/hashtags", prefix="ca%")["items"]] == ["ca%"]
    assert get(client, "/v1/hashtags", prefix="_")["items"] == []
    assert client.simulate_get("/v1/hashtags").status_code == 400
    assert client.simulate_get("/v1/hashtags", params={"prefix": "c", "limit": "101"}).status_code == 400


def test_a_leading_hashtag_is_found_among_very_many(client: TestClient, services: Services) -> None:
    now_ms = services.ids.now_ms()
    count(services, now_ms, *(f"a{number:03}" for number in range(300)))
    count(services, now_ms, "az", times=5)
    drain(services)
    (tag_id,) = services.storage.database.execute_sql("SELECT id FROM hashtags WHERE uses = 5").fetchone()
    with services.storage.database.bind_ctx([TopTags]):
        TopTags.insert(
            unit=int(Unit.DAY), start_ms=windows.start(Unit.DAY, now_ms), rank=1, tag_id=tag_id, uses=5
        ).execute()
    assert get(client, "/v1/hashtags", prefix="a", limit=2)["items"][0]["name"] == "az"


def test_trends_are_hashtags_with_a_score(client: TestClient, services: Services) -> None:
    assert get(client, "/v1/trends")["items"] == []
    now_ms = services.ids.now_ms()
    for tag in ("coffee", "tea"):
        count(services, now_ms, tag)
    drain(services)
    ids = dict(services.storage.database.execute_sql("SELECT name, id FROM hashtags").fetchall())
    with services.storage.database.bind_ctx([Trends]):
        for rank, tag, score in ((1, "tea", 2500), (2, "coffee", 1000)):
            Trends.insert(rank=rank, tag_id=ids[tag], score_milli=score, computed_ms=now_ms).execute()
    found = get(client, "/v1/trends")["items"]
    assert [(trend["name"], trend["score"]) for trend in found] == [("tea", 2.5), ("coffee", 1.0)]
    assert len(found[0]["windows"]) == 24
    assert sum(window["uses"] for window in found[0]["windows"]) == 1
    assert [trend["name"] for trend in get(client, "/v1/trends", limit=1)["items"]] == ["tea"]


def test_an_answer_that_has_not_changed_is_304(client: TestClient, services: Services) -> None:
    etag = client.simulate_get("/v1/trends").headers["ETag"]
    assert client.simulate_get("/v1/trends", headers={"If-None-Match": etag}).status_code == 304
