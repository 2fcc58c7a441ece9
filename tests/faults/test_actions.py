"""Storms of likes and retwoots, and acts on what is gone: the last acknowledged state, and counters that agree."""

import random
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import product

import pytest

from tests.faults.apps import App
from tests.faults.clients import Client, Member, assert_refused
from tests.faults.truths import Truth
from twooter.domain.drifts import Kind

PEOPLE, CLIENTS, TIMES = 5, 20, 1_000
ACTIONS = {"like": "liked", "retwoot": "retwooted"}
DRIFTS = {
    *(Kind.TWOOT_LIKES, Kind.LIKE_EDGES, Kind.TWOOT_RETWOOTS, Kind.RETWOOT_EDGES),
    *(Kind.TWOOT_QUOTES, Kind.QUOTE_EDGES, Kind.TWOOT_REPLIES, Kind.REPLY_EDGES),
}


@pytest.fixture
def people(shape: App) -> list[Member]:
    """Return new accounts in either shape."""
    client = Client(shape.port)
    return [client.sign_up(f"actor_{secrets.token_hex(4)}") for _ in range(PEOPLE)]


@pytest.fixture
def truth(shape: App) -> Iterator[Truth]:
    """Ask the application's database."""
    with Truth(shape.settings["TWOOTER_DATABASE_URL"]) as found:
        yield found


def assert_no_drift(truth: Truth) -> None:
    truth.settle()
    assert not DRIFTS & truth.services.audits.audit().amounts.keys()


def test_a_storm_of_likes_ends_in_the_last_acknowledged_state(
    shape: App, people: list[Member], truth: Truth
) -> None:
    client = Client(shape.port)
    twoot = client.publish(people[0], "Hold on")

    def act(number: int) -> list[int]:
        rng, member = random.Random(number), people[number % PEOPLE]
        return [
            client.call(
                rng.choice(["PUT", "DELETE"]),
                f"/v1/twoots/{twoot}/{rng.choice([*ACTIONS])}",
                token=member.token,
            ).status
            for _ in range(TIMES // CLIENTS)
        ]

    lowest = 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        storm = [pool.submit(act, number) for number in range(CLIENTS)]
        while wait(storm, timeout=0.05).not_done:
            lowest = min(lowest, truth.count("SELECT MIN(likes) FROM twoots"))
            lowest = min(lowest, truth.count("SELECT MIN(retwoots) FROM twoots"))
    assert {status for future in storm for status in future.result()} == {200}
    assert_sets(client, truth, twoot, people)
    wanted: dict[str, set[str]] = {action: set() for action in ACTIONS}
    for number, (action, member) in enumerate(product(ACTIONS, people)):
        method = "PUT" if number % 2 else "DELETE"
        assert client.call(method, f"/v1/twoots/{twoot}/{action}", token=member.token).status == 200
        if method == "PUT":
            wanted[action].add(member.id)
    assert assert_sets(client, truth, twoot, people) == wanted
    assert lowest == 0, "a counter was less than nothing"


def assert_sets(client: Client, truth: Truth, twoot: str, people: list[Member]) -> dict[str, set[str]]:
    """Assert that each account, the lists and the counters say the same of who did what; return it."""
    assert_no_drift(truth)
    found = {}
    shown = client.call("GET", f"/v1/twoots/{twoot}").json["counts"]
    for action, flag in ACTIONS.items():
        doing = {
            member.id
            for member in people
            if client.call("GET", f"/v1/twoots/{twoot}", token=member.token).json["viewer"][flag]
        }
        listed = [each["id"] for each in client.call("GET", f"/v1/twoots/{twoot}/{action}s").json["items"]]
        assert set(listed) == doing
        assert len(listed) == len(doing) == shown[f"{action}s"]
        found[action] = doing
    return found


def test_nothing_is_done_with_what_is_gone(shape: App, people: list[Member], truth: Truth) -> None:
    client, (ada, bob, *_) = Client(shape.port), people
    twoot = client.publish(ada, "Soon gone")
    for action in (*ACTIONS, "bookmark"):
        assert client.call("PUT", f"/v1/twoots/{twoot}/{action}", token=bob.token).status == 200
    assert client.call("DELETE", f"/v1/twoots/{twoot}", token=ada.token).status == 204
    assert_refused(client.call("DELETE", f"/v1/twoots/{twoot}", token=ada.token), 404)
    for action, method in product((*ACTIONS, "bookmark", "pin"), ("PUT", "DELETE")):
        assert_refused(client.call(method, f"/v1/twoots/{twoot}/{action}", token=bob.token), 404)
    for field in ("reply_to", "quote_of"):
        body = {"text": "Too late", field: twoot}
        refused = assert_refused(client.call("POST", "/v1/twoots", body, token=bob.token), 422)
        assert refused.json["errors"][0]["code"] == "no_such_twoot"
    for path in ("/v1/me/likes", "/v1/bookmarks", f"/v1/accounts/{bob.id}/twoots"):
        assert client.call("GET", path, token=bob.token).json["items"] == []
    assert_no_drift(truth)


def test_acts_and_deletions_at_once_leave_no_counter_behind(
    shape: App, people: list[Member], truth: Truth
) -> None:
    client, (ada, *others) = Client(shape.port), people
    written = [client.publish(ada, f"Here and gone {number}") for number in range(6)]

    def act(member: Member) -> set[int]:
        return {
            client.call(method, f"/v1/twoots/{twoot}/{action}", token=member.token).status
            for twoot, method, action in product(written, ("PUT", "DELETE", "PUT"), ACTIONS)
        }

    def delete() -> set[int]:
        return {client.call("DELETE", f"/v1/twoots/{id_}", token=ada.token).status for id_ in written[::-2]}

    with ThreadPoolExecutor(PEOPLE) as pool:
        acting, deleting = [pool.submit(act, member) for member in others], pool.submit(delete)
    assert deleting.result() == {204}
    assert set[int]().union(*(future.result() for future in acting)) <= {200, 404}
    assert_no_drift(truth)
    kept = [client.call("GET", f"/v1/twoots/{id_}").json["counts"] for id_ in written[::2]]
    assert [(counts["likes"], counts["retwoots"]) for counts in kept] == [(len(others),) * 2] * 3
