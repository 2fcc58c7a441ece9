"""Analytics over HTTP: series, the summary, and times for administrators."""

from datetime import UTC, datetime
from typing import Any

import pytest
from falcon.testing import TestClient

from tests.api.conftest import SignUp
from tests.events import count
from tests.outbox import drain
from twooter.domain import windows
from twooter.domain.windows import DAY_MS, Unit
from twooter.services.house import Services
from twooter.storage.tables import TopTags

pytestmark = pytest.mark.usefixtures("one_hour")  # what happens is counted by window


def get(client: TestClient, path: str, query: str = "", **headers: str) -> Any:
    answer = client.simulate_get(path, query_string=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day …


def lead(services: Services, unit: Unit, at_ms: int, *tags: str) -> None:
    """Write precomputed top hashtags."""
    ids = dict(services.storage.database.execute_sql("SELECT name, id FROM hashtags").fetchall())
    with services.storage.database.bind_ctx([TopTags]):
        for rank, tag in enumerate(tags, 1):
            start_ms = windows.start(unit, at_ms)
            TopTags.insert(
                unit=int(unit), start_ms=start_ms, rank=rank, tag_id=ids[tag], uses=9 - rank
            ).execute()


def test_twoots_are_counted_by_window_without_gaps(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    signed_in = {"Authorization": f"Bearer {sign_up('ada')}"}
    first = client.simulate_post("/v1/twoots", json={"text": "a"}, headers=signed_in).json
    reply = {"text": "b", "reply_to": first["id"]}
    assert client.simulate_post("/v1/twoots", json=reply, headers=signed_in).status_code == 201
    drain(services)
    found = get(client, "/v1/analytics/twoots")
    assert found["interval"] == "day"
    assert found["hashtags"] is None
    assert len(found["windows"]) == 30
    today = found["windows"][-1]
    assert {name: today[name] for name in ("twoots", "replies", "accounts", "active_accounts")} == {
        "twoots": 2,
        "replies": 1,
        "accounts": 1,
        "active_accounts": 1,
    }
    assert found["windows"][0]["twoots"] == 0
    (year,) = [w for w in get(client, "/v1/analytics/twoots", "interval=year")["windows"] if w["twoots"]]
    assert (year["twoots"], year["active_accounts"]) == (2, None)


def test_named_hashtags_have_series_of_their_own(client: TestClient, services: Services) -> None:
    count(services, ms(2001, 3, 4), "Coffee", "tea")
    count(services, ms(2003, 3, 4), "coffee")
    drain(services)
    span = "interval=year&from=2001-01-01&to=2004-01-01"
    found = get(
        client, "/v1/analytics/twoots", f"{span}&group_by=hashtag&hashtag=COFFEE&hashtag=tea&hashtag=no"
    )
    assert found["windows"] is None
    series = {tag["name"]: [w["uses"] for w in tag["windows"]] for tag in found["hashtags"]}
    assert series == {"Coffee": [1, 0, 1], "tea": [1, 0, 0]}
    assert get(client, "/v1/analytics/twoots", f"{span}&hashtag=tea")["hashtags"][0]["name"] == "tea"


@pytest.mark.parametrize("unit", [Unit.DAY, Unit.MONTH, Unit.YEAR])
def test_without_names_the_leading_hashtags_of_the_range_are_shown(
    client: TestClient, services: Services, unit: Unit
) -> None:
    count(services, ms(2001, 3, 4), "coffee", times=2)
    count(services, ms(2001, 3, 5), "tea", times=3)
    count(services, ms(2001, 5, 5), "milk")
    drain(services)
    lead(services, unit, ms(2001, 3, 4), "coffee", "tea", "milk")
    query = "interval=day&from=2001-03-01&to=2001-04-01&group_by=hashtag"
    found = get(client, "/v1/analytics/twoots", query)["hashtags"]
    assert [(tag["name"], sum(w["uses"] for w in tag["windows"])) for tag in found] == [
        ("tea", 3),
        ("coffee", 2),
    ]
    assert len(found[0]["windows"]) == 31
    assert get(client, "/v1/analytics/twoots", f"{query}&limit=1")["hashtags"][0]["name"] in ("tea", "coffee")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("interval=day&from=2001-01-01&to=2005-01-01", 422),
        ("&".join(f"hashtag=t{number}" for number in range(101)), 422),
        ("group_by=account", 400),
        ("interval=week", 400),
        ("limit=101", 400),
    ],
)
def test_too_much_or_too_odd_a_question_is_refused(client: TestClient, query: str, status: int) -> None:
    assert client.simulate_get("/v1/analytics/twoots", query_string=query).status_code == status


def test_many_hashtags_over_many_windows_are_read_in_steps(client: TestClient, services: Services) -> None:
    tags = [f"t{number}" for number in range(20)]
    for month in (1, 6, 12):
        count(services, ms(2002, month, 4), *tags)
    drain(services)
    names = "&".join(f"hashtag={tag}" for tag in tags)
    query = f"interval=day&from=2001-06-01&to=2003-12-31&{names}"
    found = get(client, "/v1/analytics/twoots", query)["hashtags"]
    assert [sum(w["uses"] for w in tag["windows"]) for tag in found] == [3] * 20


def test_the_summary_tells_totals_days_and_hashtags(client: TestClient, services: Services) -> None:
    now_ms = services.ids.now_ms()
    count(services, ms(2001, 3, 4), "old", times=5)
    count(services, now_ms - 2 * DAY_MS, "coffee", times=2)
    count(services, now_ms, "coffee")
    drain(services)
    lead(services, Unit.DAY, now_ms, "coffee")
    found = get(client, "/v1/analytics/summary")
    assert found["totals"]["twoots"] == 8
    assert found["last_7_days"]["twoots"] == 3
    assert [day["twoots"] for day in found["days"]] == [0, 0, 0, 0, 2, 0, 1]
    assert found["today"] == found["days"][-1]
    assert found["today"]["active_accounts"] == 1
    assert [tag["name"] for tag in found["top_hashtags"]] == ["coffee"]
    assert found["trends"] == []


@pytest.mark.parametrize("kind", ["requests", "queries"])
def test_times_are_for_administrators(client: TestClient, sign_up: SignUp, kind: str) -> None:
    path = f"/v1/analytics/{kind}"
    assert client.simulate_get(path).status_code == 401
    headers = {"Authorization": f"Bearer {sign_up('ada')}"}
    assert client.simulate_get(path, headers=headers).status_code == 403


@pytest.fixture
def admin(services: Services, sign_up: SignUp) -> dict[str, str]:
    """Return the headers of an administrator."""
    token = sign_up("ada")
    services.storage.database.execute_sql("UPDATE accounts SET role = 'admin' WHERE username = 'ada'")
    return {"Authorization": f"Bearer {token}"}


def test_times_of_requests_tell_count_errors_and_percentiles(
    client: TestClient, services: Services, admin: dict[str, str]
) -> None:
    for seconds in (0.001, 0.001, 0.001, 2.0):
        services.timings.observe_request("GET /v1/trends", seconds, seconds > 1)
    services.timings.flush()
    services.timings.rollup()
    for interval in ("minute", "hour", "day"):
        query = f"interval={interval}&name=GET%20/v1/trends"
        found = get(client, "/v1/analytics/requests", query, **admin)
        (item,) = found["items"]
        assert item["name"] == "GET /v1/trends"
        assert (item["count"], item["errors"], item["error_share"]) == (4, 1, 0.25)
        assert 0.5 < item["p50_ms"] <= 1.0
        assert 1_250 < item["p99_ms"] <= 2_500
        assert sum(window["count"] for window in item["windows"]) == 4


def test_times_of_real_requests_and_statements_are_there(
    client: TestClient, services: Services, admin: dict[str, str]
) -> None:
    get(client, "/v1/trends")
    client.simulate_get("/nowhere/at/all")
    services.timings.flush()
    services.timings.rollup()
    requests = {item["name"] for item in get(client, "/v1/analytics/requests", **admin)["items"]}
    queries = {item["name"] for item in get(client, "/v1/analytics/queries", **admin)["items"]}
    assert {"GET /v1/trends", "GET none"} <= requests
    assert "series_trends" in queries


@pytest.mark.parametrize("query", ["interval=month", "name=a&interval=minute&from=2001-01-01"])
def test_times_that_are_not_kept_are_refused(client: TestClient, admin: dict[str, str], query: str) -> None:
    answer = client.simulate_get("/v1/analytics/requests", query_string=query, headers=admin)
    assert answer.status_code in (400, 422)


def test_many_hashtags_over_many_windows_are_refused_together(client: TestClient) -> None:
    tags = "&".join(f"hashtag=t{number}" for number in range(100))
    days = "from=2026-01-01T00:00:00Z&to=2026-10-01T00:00:00Z&interval=day&group_by=hashtag"
    answer = client.simulate_get("/v1/analytics/twoots", query_string=f"{days}&{tags}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "interval"
