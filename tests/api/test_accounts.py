"""Accounts over HTTP: register, look up, change the profile."""

from falcon.testing import TestClient

from tests.api.conftest import SignUp


def test_who_signed_up_can_publish(client: TestClient, sign_up: SignUp) -> None:
    headers = {"Authorization": f"Bearer {sign_up('alice')}"}
    answer = client.simulate_post("/v1/twoots", json={"text": "hello #world"}, headers=headers)
    assert answer.status_code == 201
