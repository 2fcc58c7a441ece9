"""Accounts over HTTP: register, look up, profile, deletion."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from falcon.testing import Result, TestClient
from pydantic import SecretStr

from tests.api.conftest import SignUp
from tests.houses import PASSWORD
from tests.mailbox import mails, token_in
from tests.outbox import drain
from twooter.api.app import create_app
from twooter.domain.clients import Client
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.wiring import wire


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _register(client: TestClient, username: str, /, **changed: Any) -> Result:
    body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD} | changed
    return client.simulate_post("/v1/accounts", json=body)


def test_from_registration_to_a_twoot(client: TestClient) -> None:
    made = _register(client, "Alice")
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/accounts/{made.json['id']}"
    assert made.json["username"] == "alice"
    assert "email" not in made.json
    signed_in = client.simulate_post("/v1/tokens", json={"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 201
    answer = client.simulate_post(
        "/v1/twoots", json={"text": "hello #world"}, headers=_bearer(signed_in.json["token"])
    )
    assert answer.status_code == 201
    assert answer.json["author"]["username"] == "alice"
    for address in (f"/v1/accounts/{made.json['id']}", "/v1/accounts/lookup?username=ALICE"):
        assert client.simulate_get(address).json["counts"]["twoots"] == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"username": "a b"}, "username"),
        ({"username": "admin"}, "username"),
        ({"username": 7}, "username"),
        ({"email": "nobody"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": None}, "password"),
    ],
)
def test_a_bad_value_is_422_and_named(client: TestClient, changed: dict[str, Any], field: str) -> None:
    answer = _register(client, "alice", **changed)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    "changes", [{"limit_registrations": "1000/hour", "max_concurrent_hashes": 32, "threads": 64}]
)
def test_fifty_at_once_who_want_one_name_in_any_writing_get_one_account(
    client: TestClient, services: Services
) -> None:
    writings = [
        "kelvin", "KELVIN", "Kelvin", "kElViN", "\u212aelvin",  # the Kelvin sign becomes k in lower case
        "\uff4belvin", "kelv\u0456n", "\u043aelvin", "kelvin\u200b", "ke\u217cvin",
    ]  # fmt: skip

    def one(number: int) -> int:
        try:
            return int(_register(client, writings[number % 10], email=f"{number}@example.com").status_code)
        finally:
            services.storage.close()

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(one, range(50)))
    assert statuses.count(201) == 1, statuses
    assert set(statuses) <= {201, 409, 422, 503}
    assert _register(client, "kelvin").status_code == 409
    (count,) = services.storage.database.execute_sql("SELECT COUNT(*) FROM credentials").fetchone()
    assert count == 1


def test_a_known_address_makes_no_difference_to_the_answer(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    sign_up("alice")
    services.confirmations.confirm_for("alice")
    known = _register(client, "mallory", email="alice@example.com")
    unknown = _register(client, "someone", email="else@example.com")
    for answer in (known, unknown):
        assert answer.status_code == 201
    differs = {"id", "username", "display_name", "created_at"}
    assert {k: v for k, v in known.json.items() if k not in differs} == {
        k: v for k, v in unknown.json.items() if k not in differs
    }
    assert known.headers.keys() == unknown.headers.keys()


def test_the_profile_is_read_and_changed_by_its_owner_alone(client: TestClient, sign_up: SignUp) -> None:
    headers = _bearer(sign_up("alice"))
    assert client.simulate_get("/v1/me").status_code == 401
    assert client.simulate_patch("/v1/me", json={"bio": "x"}).status_code == 401
    changed = client.simulate_patch("/v1/me", json={"display_name": "Alice", "bio": "Hi"}, headers=headers)
    me = client.simulate_get("/v1/me", headers=headers)
    assert changed.json == me.json
    assert me.headers["Cache-Control"] == "private, no-store"
    assert (me.json["display_name"], me.json["bio"]) == ("Alice", "Hi")
    assert (me.json["email"], me.json["email_confirmed"], me.json["role"]) == (
        "alice@example.com",
        False,
        "user",
    )
    assert client.simulate_patch("/v1/me", json={"bio": "x" * 161}, headers=headers).status_code == 422


@pytest.mark.parametrize("id_", ["0", "-1", "x", str(2**64), str(2**70), "1" * 5000, "99999", "%2e%2e"])
def test_an_account_that_is_none_is_404(client: TestClient, id_: str) -> None:
    assert client.simulate_get(f"/v1/accounts/{id_}").status_code == 404


@pytest.mark.parametrize("name", ["nobody", "a b", "'; DROP TABLE accounts; --", "%25", "\u0661"])
def test_a_name_that_nobody_has_is_404(client: TestClient, name: str) -> None:
    assert client.simulate_get("/v1/accounts/lookup", params={"username": name}).status_code == 404


def test_a_confirmed_address(
    client: TestClient, services: Services, settings: Settings, sign_up: SignUp
) -> None:
    headers = _bearer(sign_up("alice"))
    drain(services)
    token = token_in(mails(settings.var_dir)[0])
    page = client.simulate_get("/v1/email-confirmations")
    assert page.status_code == 200
    assert "curl" in page.text
    assert not client.simulate_get("/v1/me", headers=headers).json["email_confirmed"]
    assert client.simulate_post("/v1/email-confirmations", json={"token": "x"}).status_code == 422
    assert client.simulate_post("/v1/email-confirmations", json={"token": token}).status_code == 204
    assert client.simulate_get("/v1/me", headers=headers).json["email_confirmed"]
    assert client.simulate_post("/v1/me/email-confirmations", headers=headers).status_code == 202


@pytest.mark.parametrize("how", ["delete", "suspend", "rename"])
def test_a_kept_page_shows_nothing_of_before(settings: Settings, redis_url: str, how: str) -> None:
    services = wire(settings.model_copy(update={"cache_url": SecretStr(redis_url)}))
    client = TestClient(create_app(services))
    account = services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    headers = _bearer(services.tokens.issue(account.id, Client("192.0.2.1")).bearer)
    client.simulate_post("/v1/twoots", json={"text": "hello #world"}, headers=headers)
    pages = ("/v1/timelines/public", "/v1/timelines/tags/world", f"/v1/accounts/{account.id}/twoots")
    for _ in range(2):  # the second one is kept
        for page in pages:
            assert len(client.simulate_get(page).json["items"]) == 1
    if how == "delete":
        assert client.simulate_delete("/v1/me", headers=headers).status_code == 202
    elif how == "suspend":
        services.accounts.suspend("alice")
    else:
        assert (
            client.simulate_patch("/v1/me", json={"display_name": "A."}, headers=headers).status_code == 200
        )
    for page in (pages[0], pages[2]) if how == "rename" else pages:
        items = client.simulate_get(page).json.get("items", [])
        assert [item["author"]["display_name"] for item in items] == (["A."] if how == "rename" else [])
    services.ids.release()
    services.storage.close()


def test_deleting_an_account_takes_everything_along(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    headers = _bearer(sign_up("alice"))
    twoot = client.simulate_post("/v1/twoots", json={"text": "hello #world"}, headers=headers).json
    account = twoot["author"]["id"]
    assert client.simulate_delete("/v1/me").status_code == 401
    assert client.simulate_delete("/v1/me", headers=headers).status_code == 202
    for _ in range(2):
        for address in (
            f"/v1/twoots/{twoot['id']}",
            f"/v1/accounts/{account}",
            f"/v1/accounts/{account}/twoots",
        ):
            assert client.simulate_get(address).status_code == 404
        for address in ("/v1/timelines/public", "/v1/timelines/tags/world"):
            assert client.simulate_get(address).json["items"] == []
        assert client.simulate_get("/v1/me", headers=headers).status_code == 401
        drain(services)
    assert _register(client, "alice").status_code == 409
