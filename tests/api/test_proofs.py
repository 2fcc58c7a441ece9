"""Proofs: a token is proved by the packet of the page it is for, and nothing goes out before."""

from collections.abc import Callable

import pytest
from falcon.testing import TestClient

from tests.api.conftest import SignUp
from tests.services.happenings import person
from twooter.domain.twoots import Draft
from twooter.services.house import Services

PATHS = (
    "/v1/timelines/public",
    "/v1/timelines/tags/tea",
    "/v1/timelines/tags/never",
    "/v1/timelines/public?cursor=bad",
    "/v1/timelines/home",
    "/v1/accounts/{writer}/twoots",
    "/v1/accounts/123/twoots",
)
END: dict[str, Callable[[Services, str], None]] = {
    "revoked": lambda house, token: house.tokens.revoke_all(house.authenticate(token)),
    "suspended": lambda house, _: house.accounts.suspend("reader"),
}


@pytest.fixture
def places(services: Services) -> list[str]:
    """Return the addresses, after somebody has written."""
    writer = person(services)
    services.twoots.publish(writer, Draft("One cup of #tea"))
    return [path.replace("{writer}", str(writer.account_id)) for path in PATHS]


@pytest.mark.parametrize("end", END)
def test_a_token_that_held_a_moment_ago_opens_nothing(
    client: TestClient, services: Services, sign_up: SignUp, places: list[str], end: str
) -> None:
    token = sign_up("reader")
    headers = {"Authorization": f"Bearer {token}"}
    for path in places:  # so that the process knows it
        assert client.simulate_get(path, headers=headers).status_code in (200, 400, 404)
    END[end](services, token)
    for path in places * 2:
        answer = client.simulate_get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.json["code"] == "unauthorized"
        assert "tea" not in answer.text
        assert client.simulate_get(path).status_code != 401 or path.endswith("home")


def test_the_secret_of_a_token_that_is_known_does_not_open_another_account(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    mine, other = sign_up("reader"), person(services)
    client.simulate_get("/v1/timelines/public", headers={"Authorization": f"Bearer {mine}"})
    forged = "_".join(["twt", str(other.account_id), *mine.split("_", 3)[2:]])
    for path in ("/v1/timelines/public", "/v1/timelines/home"):
        assert client.simulate_get(path, headers={"Authorization": f"Bearer {forged}"}).status_code == 401


def test_hashtags_that_are_followed_elsewhere_are_at_home_at_once(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token, writer = sign_up("reader"), person(services)
    written = services.twoots.publish(writer, Draft("One cup of #tea")).twoot.id
    viewer, headers = services.authenticate(token), {"Authorization": f"Bearer {token}"}
    for follows in (False, True, False):
        if follows:
            services.followed_hashtags.follow(viewer, "tea")
        else:
            services.followed_hashtags.unfollow(viewer, "tea")
        for _ in range(2):
            items = client.simulate_get("/v1/timelines/home", headers=headers).json["items"]
            assert [item["id"] for item in items] == ([str(written)] if follows else [])
