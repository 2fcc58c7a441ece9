"""The doorway: every request gets an id, headers, one log line and one observation, whatever becomes of it."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from falcon.testing import Result, TestClient
from prometheus_client import REGISTRY

from tests.api.conftest import SignUp
from twooter.api import doorway
from twooter.api.app import create_app, create_doorway
from twooter.api.board import Board
from twooter.domain.accounts import Role
from twooter.domain.pages import Slice
from twooter.domain.twoots import Card
from twooter.errors import Unavailable
from twooter.services.house import Services

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings(
        "ignore:Unknown REQUEST_METHOD"
    ),  # what a server lets through is what is tried
]

ORIGIN, STRANGER = "https://app.example.com", "https://elsewhere.example.com"
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}
cors = pytest.mark.parametrize("changes", [{"cors_origins": (ORIGIN,)}])


class Lines(list[dict[str, Any]]):
    """Takes the place of a logger and keeps what it was told."""

    def info(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.append({"event": event, **fields})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Return the doorway's log lines."""
    kept = Lines()
    monkeypatch.setattr(doorway, "log", kept)
    return kept


def crash(monkeypatch: pytest.MonkeyPatch, services: Services, ex: Exception) -> None:
    """Make every look at the public timeline fail."""

    def fail(*_: object) -> None:
        raise ex

    monkeypatch.setattr(type(services.timelines), "public", fail)


def series() -> dict[tuple[str, ...], float]:
    """Return how many requests each series has counted."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "twooter_http_requests_total"
    }


EVERY_KIND: dict[str, Callable[[TestClient, str], Result]] = {
    "page": lambda c, _: c.simulate_get("/v1/timelines/public"),
    "signed in": lambda c, token: c.simulate_get("/v1/me", headers={"Authorization": f"Bearer {token}"}),
    "made": lambda c, token: c.simulate_post(
        "/v1/twoots", json={"text": "x"}, headers={"Authorization": f"Bearer {token}"}
    ),
    "not found": lambda c, _: c.simulate_get("/nothing/here"),
    "no method": lambda c, _: c.simulate_delete("/v1/timelines/public"),
    "made-up method": lambda c, _: c.simulate_request("BREW", "/v1/timelines/public"),
    "bad parameter": lambda c, _: c.simulate_get("/v1/timelines/public?limit=0"),
    "bad body": lambda c, token: c.simulate_post(
        "/v1/twoots", body=b"{", headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    ),
    "not signed in": lambda c, _: c.simulate_get("/v1/me"),
    "forbidden": lambda c, token: c.simulate_get(
        "/v1/analytics/requests", headers={"Authorization": f"Bearer {token}"}
    ),
    "options": lambda c, _: c.simulate_options("/v1/timelines/public"),
    "head": lambda c, _: c.simulate_head("/v1/timelines/public"),
    "home": lambda c, _: c.simulate_get("/", headers={"Accept": "text/html"}),
    "docs": lambda c, _: c.simulate_get("/docs"),
    "document": lambda c, _: c.simulate_get("/openapi.json"),
    "metrics": lambda c, _: c.simulate_get("/metrics"),
    "health": lambda c, _: c.simulate_get("/healthz"),
    "statistics": lambda c, _: c.simulate_get("/management/message-stats"),
}  # fmt: skip


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_answer_carries_the_headers_that_protect_browsers(
    client: TestClient, sign_up: SignUp, lines: Lines, kind: str
) -> None:
    answer = EVERY_KIND[kind](client, sign_up("ada"))
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"]
    assert answer.headers["x-request-id"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_request_is_one_log_line(client: TestClient, sign_up: SignUp, lines: Lines, kind: str) -> None:
    answer = EVERY_KIND[kind](client, sign_up("ada"))
    (line,) = lines
    assert line.keys() == {"event", "method", "route", "status", "duration_ms", "account_id"}
    assert (line["event"], line["status"]) == ("request", answer.status_code)
    assert line["duration_ms"] >= 0


def test_the_log_line_names_route_and_account_and_never_the_address(
    client: TestClient, services: Services, sign_up: SignUp, lines: Lines
) -> None:
    token = sign_up("ada")
    client.simulate_get("/v1/timelines/tags/tea?limit=3", headers={"Authorization": f"Bearer {token}"})
    client.simulate_get("/nothing/at/all?secret=1")
    assert [(line["route"], line["account_id"]) for line in lines] == [
        ("/v1/timelines/tags/{tag}", services.authenticate(token).account_id),
        ("none", None),
    ]


@pytest.mark.parametrize("given", ["abcdefgh", "A-b.c_9" * 9 + "x", "0" * 64])
def test_a_good_request_id_is_taken_over(client: TestClient, given: str) -> None:
    answer = client.simulate_get("/nothing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json["request_id"] == given


@pytest.mark.parametrize(
    "given", [None, "", "short", "x" * 65, "has space", "bad\u00e9accent", "semi;colon", 'quo"te1234']
)
def test_any_other_gets_one_of_ours(client: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    found = [client.simulate_get("/nothing", headers=headers).headers["x-request-id"] for _ in range(2)]
    assert found[0] != found[1]
    for request_id in found:
        assert len(request_id) == 16
        int(request_id, 16)


def test_personal_answers_are_kept_by_nobody(client: TestClient, sign_up: SignUp) -> None:
    headers = {"Authorization": f"Bearer {sign_up('ada')}"}
    for path in ("/v1/me", "/v1/tokens", "/v1/timelines/public", "/v1/twoots/1"):
        answer = client.simulate_get(path, headers=headers)
        assert answer.headers["cache-control"] in ("private, no-store", "no-store"), path


@cors
@pytest.mark.parametrize("kind", ["page", "not found", "not signed in", "made"])
def test_only_a_configured_origin_may_read_an_answer(client: TestClient, sign_up: SignUp, kind: str) -> None:
    token = sign_up("ada")
    for origin, allowed in (
        (ORIGIN, ORIGIN),
        (STRANGER, None),
        ("null", None),
        (f"{ORIGIN}.evil.example", None),
    ):
        answer = EVERY_KIND[kind](TestClient(client.app, headers={"Origin": origin}), token)
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]
        assert ("access-control-expose-headers" in answer.headers) is (allowed is not None)


def preflight(client: TestClient, origin: str) -> Result:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return client.simulate_options("/v1/twoots", headers=headers)


@cors
def test_a_preflight_tells_a_configured_origin_what_it_may_send(client: TestClient) -> None:
    answer = preflight(client, ORIGIN)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert {"POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"} <= set(allowed)


@cors
def test_a_preflight_tells_no_other_origin_anything(client: TestClient) -> None:
    answer = preflight(client, STRANGER)
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_without_configured_origins_nothing_is_said_of_them(client: TestClient) -> None:
    assert not [name for name in preflight(client, ORIGIN).headers if name.startswith("access-control-")]


@cors
def test_what_is_exposed_is_what_a_page_needs(client: TestClient) -> None:
    answer = client.simulate_get("/v1/timelines/public", headers={"Origin": ORIGIN})
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed == {"Link", "ETag", "Retry-After", "RateLimit", "X-Request-ID"}
    assert answer.headers["vary"] == "Authorization, Origin"


def test_made_up_paths_and_methods_make_no_series(client: TestClient) -> None:
    client.simulate_get("/nothing")
    client.simulate_request("BREW", "/nothing")
    client.simulate_request("BREW", "/v1/timelines/public")
    before = series()
    for number in range(20):
        client.simulate_get(f"/nothing/{number}")
        client.simulate_get(f"/{number}?x={number}")
        client.simulate_request(f"BREW{number}", "/nothing")
        client.simulate_request(f"PROPFIND{number}", "/v1/timelines/public")
    after = series()
    assert after.keys() == before.keys()
    assert after["GET", "none", "4xx"] == before["GET", "none", "4xx"] + 40
    assert sum(after.values()) == sum(before.values()) + 80


def test_requests_are_counted_by_their_route(client: TestClient) -> None:
    key = ("GET", "/v1/timelines/tags/{tag}", "200")
    before = series().get(key, 0)
    for tag in ("a", "b", "c"):
        client.simulate_get(f"/v1/timelines/tags/{tag}")
    assert series()[key] == before + 3


def test_a_crash_is_told_with_nothing_but_its_request_id(
    client: TestClient, services: Services, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, services, RuntimeError("the database password is hunter2"))
    answer = client.simulate_get("/v1/timelines/public", headers={"X-Request-ID": "request-1"})
    assert (answer.status_code, answer.json["code"], answer.json["request_id"]) == (
        500,
        "internal_error",
        "request-1",
    )
    assert "hunter2" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert [line["status"] for line in lines] == [500]


def test_a_part_that_is_away_is_503_with_a_time_to_come_back(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, services, Unavailable("The database does not answer; try again."))
    answer = client.simulate_get("/v1/timelines/public")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_nothing_of_a_request_is_left_for_the_next_one(client: TestClient, lines: Lines) -> None:
    client.simulate_get("/v1/timelines/public", headers={"X-Request-ID": "request-1"})
    assert structlog.contextvars.get_contextvars() == {}


def test_administrators_see_what_others_may_not(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    headers = {"Authorization": f"Bearer {sign_up('ada')}"}
    assert client.simulate_get("/v1/analytics/requests", headers=headers).status_code == 403
    services.accounts.promote("ada", Role.ADMIN)
    assert client.simulate_get("/v1/analytics/requests", headers=headers).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Bearer2"])
def test_only_bearer_tokens_sign_in(client: TestClient, sign_up: SignUp, scheme: str) -> None:
    answer = client.simulate_get("/v1/me", headers={"Authorization": f"{scheme} {sign_up('ada')}".strip()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_bad_token_is_refused_also_where_none_is_needed(client: TestClient) -> None:
    """A client that believes it is signed in must hear that it is not."""
    assert (
        client.simulate_get("/v1/timelines/public", headers={"Authorization": "Bearer x"}).status_code == 401
    )


def test_the_scheme_is_read_in_any_case(client: TestClient, sign_up: SignUp) -> None:
    headers = {"Authorization": f"bEARER  {sign_up('ada')}"}
    assert client.simulate_get("/v1/me", headers=headers).status_code == 200


def test_requests_in_flight_are_counted_on_the_board(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = create_doorway(services)
    board = door.board = Board(4)
    client, seen = TestClient(create_app(services, door)), list[float]()

    def look(*_: object) -> Slice[Card]:
        seen.append(board._row[1])
        return Slice([], None, None)

    monkeypatch.setattr(type(services.timelines), "public", look)
    client.simulate_get("/v1/timelines/public")
    client.simulate_get("/nothing")
    crash(monkeypatch, services, RuntimeError("crash"))
    client.simulate_get("/v1/timelines/public")
    assert seen == [1]
    assert board._row[1] == 0
