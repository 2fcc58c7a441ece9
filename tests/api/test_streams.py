"""Live updates as the API has them: where they are, and tickets for browsers."""

from typing import Any

import pytest
from falcon.testing import TestClient

from tests.api.conftest import SignUp
from twooter.api.app import create_app
from twooter.errors import Unauthorized
from twooter.services.house import Services
from twooter.services.tickets import Tickets


@pytest.mark.parametrize("changes", [{"stream_url": "https://live.example.org"}])
def test_who_asks_the_api_is_told_where_the_stream_is(client: TestClient) -> None:
    answer = client.simulate_get("/v1/stream", params={"topics": "home,tag:tea"})
    assert (answer.status_code, answer.json["code"]) == (421, "elsewhere")
    assert "https://live.example.org/v1/stream" in answer.json["detail"]


def test_a_topic_that_is_none_is_refused_there_as_well(client: TestClient) -> None:
    answer = client.simulate_get("/v1/stream", params={"topics": "gossip"})
    assert (answer.status_code, answer.json["code"], answer.json["errors"][0]["field"]) == (
        400,
        "bad_topics",
        "topics",
    )


def test_a_ticket_is_of_its_account_and_for_one_use(
    client: TestClient, sign_up: SignUp, services: Services
) -> None:
    token = sign_up("ada")
    answer: Any = client.simulate_post("/v1/stream/tickets", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json["expires_in_seconds"]) == (201, 30)
    assert answer.json["url"].endswith("/v1/stream")
    viewer = services.authenticate(token)
    assert services.tickets.redeem(answer.json["ticket"]) == (viewer.account_id, viewer.token_id)
    with pytest.raises(Unauthorized):
        services.tickets.redeem(answer.json["ticket"])


def test_nobody_without_a_token_gets_a_ticket(client: TestClient) -> None:
    assert client.simulate_post("/v1/stream/tickets").status_code == 401


def test_without_logs_that_processes_share_there_are_no_tickets(
    client: TestClient, sign_up: SignUp, services: Services
) -> None:
    token = sign_up("ada")
    object.__setattr__(services, "tickets", Tickets(services.tokens, None))
    answer = TestClient(create_app(services)).simulate_post(
        "/v1/stream/tickets", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
