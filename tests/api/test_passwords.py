"""Passwords over HTTP: change, reset by mail."""

from falcon.testing import TestClient

from tests.api.conftest import SignUp
from tests.houses import PASSWORD
from tests.mailbox import mails, token_in
from tests.outbox import drain
from twooter.services.house import Services
from twooter.settings import Settings

NEW = "a much newer password"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_changed_password_ends_the_other_tokens(client: TestClient, sign_up: SignUp) -> None:
    one = sign_up("alice")
    two = client.simulate_post("/v1/tokens", json={"username": "alice", "password": PASSWORD}).json["token"]
    wrong = {"old_password": "wrong password", "password": NEW}
    assert client.simulate_post("/v1/me/password", json=wrong, headers=_bearer(one)).status_code == 403
    right = {"old_password": PASSWORD, "password": NEW}
    assert client.simulate_post("/v1/me/password", json=right).status_code == 401
    assert client.simulate_post("/v1/me/password", json=right, headers=_bearer(one)).status_code == 204
    assert client.simulate_get("/v1/me", headers=_bearer(one)).status_code == 200
    assert client.simulate_get("/v1/me", headers=_bearer(two)).status_code == 401


def test_a_reset_by_mail(client: TestClient, services: Services, settings: Settings, sign_up: SignUp) -> None:
    headers = _bearer(sign_up("alice"))
    services.confirmations.confirm_for("alice")
    assert client.simulate_post("/v1/password-resets", json={"email": "Alice@example.com"}).status_code == 202
    drain(services)
    token = token_in(mails(settings.var_dir)[-1])
    page = client.simulate_get("/v1/password-resets")
    assert "curl" in page.text
    body = {"token": token, "password": NEW}
    assert client.simulate_put("/v1/password-resets", json=body).status_code == 204
    assert client.simulate_get("/v1/me", headers=headers).status_code == 401
    again = client.simulate_put("/v1/password-resets", json=body)
    assert (again.status_code, again.json["errors"][0]["code"]) == (422, "bad_token")
    assert client.simulate_post("/v1/tokens", json={"username": "alice", "password": NEW}).status_code == 201


def test_asking_for_a_reset_is_answered_the_same_for_every_address(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    sign_up("alice")
    services.confirmations.confirm_for("alice")
    answers = [
        client.simulate_post("/v1/password-resets", json={"email": email})
        for email in ("alice@example.com", "nobody@example.com")
    ]
    seen = [(a.status_code, a.content, sorted(a.headers)) for a in answers]
    assert seen[0] == seen[1]
    assert seen[0][:2] == (202, b"")
    assert client.simulate_post("/v1/password-resets", json={"email": "nobody"}).status_code == 422
