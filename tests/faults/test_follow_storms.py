"""Storms between two accounts: whatever twenty clients do at once, the last word holds, and counts are true."""

import random
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.apps import App
from tests.faults.clients import Answer, Client, Member
from tests.processes import wait_until

CLIENTS, EACH = 20, 15


@pytest.fixture
def pair(shape: App) -> tuple[Member, Member]:
    """Return two new accounts in either shape."""
    client = Client(shape.port)
    one, other = (client.sign_up(f"storm_{secrets.token_hex(4)}") for _ in range(2))
    return one, other


def do(shape: App, who: Member, method: str, whom: Member, noun: str) -> Answer:
    path = f"/v1/me/followers/{whom.id}" if noun == "follower" else f"/v1/accounts/{whom.id}/{noun}"
    return Client(shape.port).call(method, path, token=who.token)


def seen(shape: App, who: Member, whom: Member) -> tuple[bool, bool, int, int]:
    """Return what somebody sees: whether it follows, is followed, and both its counts."""
    client = Client(shape.port)
    (item,) = client.call("GET", f"/v1/relationships?ids={whom.id}", token=who.token).json["items"]
    counts = client.call("GET", "/v1/me", token=who.token).json["counts"]
    return item["following"], item["followed_by"], counts["following"], counts["followers"]


def test_twenty_clients_follow_unfollow_block_and_remove_and_then_two_agree(
    shape: App, pair: tuple[Member, Member]
) -> None:
    acts = [
        ("PUT", "follow"),
        ("DELETE", "follow"),
        ("PUT", "block"),
        ("DELETE", "block"),
        ("DELETE", "follower"),
    ]

    def storm(number: int) -> set[int]:
        rng, statuses = random.Random(number), set()
        for _ in range(EACH):
            who, whom = rng.sample(pair, 2)
            method, noun = rng.choice([*acts, acts[0], acts[3]])
            statuses.add(do(shape, who, method, whom, noun).status)
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = set().union(*pool.map(storm, range(CLIENTS)))
    assert statuses <= {200, 204, 404, 409}, statuses  # never a 5xx, and 404 and 409 are what blocks answer
    one, other = pair
    for who, whom in (pair, pair[::-1]):
        assert do(shape, who, "DELETE", whom, "block").status == 200
    for who, whom in (pair, pair[::-1]):
        assert do(shape, who, "PUT", whom, "follow").status == 200
    assert do(shape, other, "DELETE", one, "follow").status == 200
    wait_until(lambda: seen(shape, one, other) == (True, False, 1, 0), seconds=60, what="the follower's side")
    wait_until(lambda: seen(shape, other, one) == (False, True, 0, 1), seconds=60, what="the other side")
