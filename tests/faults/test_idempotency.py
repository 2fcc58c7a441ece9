"""An Idempotency-Key stands for one request: whatever happens to it, one twoot, and the same answer."""

import secrets
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.apps import App
from tests.faults.clients import HEAD, Answer, Client, Member, assert_refused
from tests.processes import wait_until

TIMES = 20


@pytest.fixture
def author(shape: App) -> Member:
    """Return a new account in either shape."""
    return Client(shape.port).sign_up(f"author_{secrets.token_hex(4)}")


def publish(
    shape: App, author: Member, key: str, text: str = "Once #only", path: str = "/v1/twoots"
) -> Answer:
    """Publish under a key."""
    body = {"text": text} if path == "/v1/twoots" else {"text": text, "tag": "only"}
    headers = {"Idempotency-Key": key}
    return Client(shape.port).call("POST", path, body, token=author.token, headers=headers)


def published(shape: App, author: Member) -> list[str]:
    """Return the ids of all that an account has published."""
    page = Client(shape.port).call("GET", f"/v1/accounts/{author.id}/twoots").json
    return [item["id"] for item in page["items"]]


def twoots_of(shape: App, author: Member) -> list[str]:
    """Return the ids of all that an account has published, and see that its count says the same."""
    client, ids = Client(shape.port), published(shape, author)
    assert client.call("GET", f"/v1/accounts/{author.id}").json["counts"]["twoots"] == len(ids)
    return ids


def test_one_key_20_times_in_parallel_makes_one_twoot(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    with ThreadPoolExecutor(TIMES) as pool:
        answers = list(pool.map(lambda _: publish(shape, author, key), range(TIMES)))
    assert {answer.status for answer in answers} == {201}, answers
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert twoots_of(shape, author) == [answers[0].json["id"]]


def test_one_key_for_two_bodies_at_once_makes_one_twoot(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    with ThreadPoolExecutor(TIMES) as pool:
        answers = list(
            pool.map(lambda i: publish(shape, author, key, f"Either #{'ab'[i % 2]}"), range(TIMES))
        )
    made = {answer.body for answer in answers if answer.status == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status != 201:
            assert_refused(answer, 422)
    assert len(twoots_of(shape, author)) == 1


def test_after_a_lost_answer_the_same_request_answers_the_same(shape: App, author: Member) -> None:
    key, body = secrets.token_hex(8), b'{"text": "Lost"}'
    head = (
        HEAD % author.token.encode()
        + f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    for _ in range(5):
        with Client(shape.port).connect() as sock:
            sock.sendall(head + body)
            # closed at once, and with a reset: the answer has nowhere to go
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: bool(published(shape, author)), seconds=20, what="one of the requests")
    answers = [publish(shape, author, key, "Lost") for _ in range(2)]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert twoots_of(shape, author) == [answers[0].json["id"]]


def test_another_request_under_the_same_key_is_refused(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    made = publish(shape, author, key)
    assert made.status == 201
    for answer in (publish(shape, author, key, "Another"), publish(shape, author, key, path="/messages")):
        assert_refused(answer, 422)
    assert publish(shape, author, key).body == made.body
    assert len(twoots_of(shape, author)) == 1


def test_another_account_has_its_own_keys(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    other = Client(shape.port).sign_up(f"other_{secrets.token_hex(4)}")
    made, others = publish(shape, author, key), publish(shape, other, key, "Mine")
    assert (made.status, others.status) == (201, 201)
    assert made.json["id"] != others.json["id"]
    assert twoots_of(shape, other) == [others.json["id"]]


def test_a_key_of_a_twoot_that_was_deleted_since_is_not_found(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    id_ = publish(shape, author, key).json["id"]
    assert Client(shape.port).call("DELETE", f"/v1/twoots/{id_}", token=author.token).status == 204
    assert_refused(publish(shape, author, key), 404)
    assert twoots_of(shape, author) == []


def test_a_refused_request_does_not_use_its_key_up(shape: App, author: Member) -> None:
    key = secrets.token_hex(8)
    assert_refused(publish(shape, author, key, ""), 422)
    assert publish(shape, author, key, "Better").status == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "caf\xe9", "a\tb", "\x7f"])
def test_what_is_no_key_is_refused(app: App, client: Client, member: Member, key: str) -> None:
    headers = {"Idempotency-Key": key}
    assert_refused(client.call("POST", "/v1/twoots", {"text": "a"}, token=member.token, headers=headers), 400)


@pytest.mark.parametrize(
    "key", ["a", "a" * 255, "' OR 1=1--".replace(" ", "/"), "~!@#$%^&*()_+{}|:<>?\"'\\`", "%00"]
)
def test_any_visible_ascii_is_a_key(app: App, client: Client, member: Member, key: str) -> None:
    ids = {client.publish(member, f"Under {key}", **{"Idempotency-Key": key}) for _ in range(2)}
    assert len(ids) == 1
