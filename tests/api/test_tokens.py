"""Tokens over HTTP: sign in, use, list, sign out."""

import pytest
from falcon.testing import TestClient

from tests.api.conftest import SignUp
from tests.houses import PASSWORD


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_shown_once_and_listed_without_its_secret(client: TestClient, sign_up: SignUp) -> None:
    sign_up("alice")
    body = {"username": "alice", "password": PASSWORD}
    made = client.simulate_post("/v1/tokens", json=body, headers={"User-Agent": "curl/8 \x01"})
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/tokens/{made.json['id']}"
    listed = client.simulate_get("/v1/tokens?limit=1", headers=_bearer(made.json["token"]))
    assert listed.status_code == 200
    assert listed.json["items"] == [{k: v for k, v in made.json.items() if k != "token"}]
    assert listed.json["items"][0]["user_agent"].strip() == "curl/8"
    assert listed.json["next"] is not None
    assert listed.headers["Cache-Control"] == "private, no-store"
    bobs = _bearer(sign_up("bob"))
    stolen = client.simulate_get("/v1/tokens", params={"cursor": listed.json["next"]}, headers=bobs)
    assert stolen.status_code == 400


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Bearer twt_1_1_" + "a" * 43, "twt_1_1_" + "a" * 43],
)
def test_a_token_that_does_not_hold_is_401_everywhere(client: TestClient, header: str) -> None:
    for address in ("/v1/me", "/v1/tokens", "/v1/timelines/public"):
        answer = client.simulate_get(address, headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json["code"] == "unauthorized"


def test_a_token_in_the_query_is_no_token(client: TestClient, sign_up: SignUp) -> None:
    token = sign_up("alice")
    for name in ("token", "access_token", "Authorization"):
        assert client.simulate_get("/v1/me", params={name: token}).status_code == 401


def test_signing_out_holds_from_the_next_request(client: TestClient, sign_up: SignUp) -> None:
    one = sign_up("alice")
    body = {"username": "alice", "password": PASSWORD}
    two = client.simulate_post("/v1/tokens", json=body).json
    bob = sign_up("bob")
    assert client.simulate_delete(f"/v1/tokens/{two['id']}", headers=_bearer(bob)).status_code == 404
    assert client.simulate_delete(f"/v1/tokens/{two['id']}", headers=_bearer(one)).status_code == 204
    assert client.simulate_get("/v1/me", headers=_bearer(two["token"])).status_code == 401
    assert client.simulate_delete("/v1/tokens", headers=_bearer(one)).status_code == 204
    assert client.simulate_get("/v1/me", headers=_bearer(one)).status_code == 401
    assert client.simulate_get("/v1/me", headers=_bearer(bob)).status_code == 200


def test_an_unknown_account_and_a_wrong_password_look_the_same(client: TestClient, sign_up: SignUp) -> None:
    sign_up("alice")
    seen = []
    for username in ("alice", "nobody", "alice@example.com", "not a name"):
        answer = client.simulate_post("/v1/tokens", json={"username": username, "password": "wrong password"})
        assert answer.status_code == 401
        del answer.json["request_id"]
        body = {k: v for k, v in answer.json.items() if k != "request_id"}
        seen.append((body, answer.headers["RateLimit-Policy"], answer.headers.keys()))
    assert all(one == seen[0] for one in seen)


def test_signing_in_again_makes_another_token_whatever_the_key(client: TestClient, sign_up: SignUp) -> None:
    sign_up("alice")
    body, headers = {"username": "alice", "password": PASSWORD}, {"Idempotency-Key": "one"}
    made = {client.simulate_post("/v1/tokens", json=body, headers=headers).json["token"] for _ in range(2)}
    assert len(made) == 2
