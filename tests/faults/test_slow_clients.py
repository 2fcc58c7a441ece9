"""Clients that stall, trickle, say nothing or read nothing: they lose their connection, and nobody else notices."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.clients import HEAD, Client, Member, answers_of, assert_refused
from tests.faults.conftest import BODY_SECONDS, GRACEFUL_SECONDS

THREADS = 8
SLACK_SECONDS = 5
"""For a busy machine; without a bound all this takes longer, or never ends."""

STALLS = {
    "a body that never comes": (b"Content-Length: 1000\r\n\r\n", b""),
    "a body that stops": (b'Content-Length: 1000\r\n\r\n{"text": ', b""),
    "a body that trickles": (b"Content-Length: 1000\r\n\r\n{", b" "),
    "chunks that stop": (b"Transfer-Encoding: chunked\r\n\r\n400\r\n{", b""),
    "chunks that trickle": (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a chunk size that trickles": (b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "headers that stop": (b"A: b", b""),
    "headers that trickle": (b"", b"A: b\r\n"),
}


@pytest.mark.parametrize("stall", STALLS)
def test_stalling_clients_are_dropped_and_others_answered(client: Client, member: Member, stall: str) -> None:
    first, more = STALLS[stall]
    head = HEAD % member.token.encode()
    with ThreadPoolExecutor(1) as pool:
        sockets = [client.connect() for _ in range(THREADS)]
        done = threading.Event()
        for sock in sockets:
            sock.sendall(head + first)
        trickling = pool.submit(_trickle, sockets, more, done)
        try:
            asked_at = time.monotonic()
            assert client.call("GET", "/v1/timelines/public").status == 200
            assert time.monotonic() - asked_at < BODY_SECONDS + SLACK_SECONDS
            done.set()
            trickling.result()
            _assert_dropped(sockets, answered="header" not in stall)
        finally:
            done.set()
            for sock in sockets:
                sock.close()


def _trickle(sockets: list[socket.socket], more: bytes, done: threading.Event) -> None:
    while more and not done.wait(0.2):
        for sock in sockets:
            try:
                sock.sendall(more)
            except OSError:
                return  # dropped: that is the aim


def _assert_dropped(sockets: list[socket.socket], *, answered: bool) -> None:
    for sock in sockets:
        sock.settimeout(BODY_SECONDS + SLACK_SECONDS)
        answers = answers_of(sock)
        assert len(answers) == (1 if answered else 0)
        for answer in answers:
            assert_refused(answer, 408)


@pytest.fixture
def silent(client: Client) -> Iterator[list[socket.socket]]:
    """Return connections of clients that say nothing yet."""
    sockets = [client.connect() for _ in range(4 * THREADS)]
    yield sockets
    for sock in sockets:
        sock.close()


def test_connections_that_say_nothing_cost_nobody_anything(
    client: Client, silent: list[socket.socket]
) -> None:
    asked_at = time.monotonic()
    for _ in range(5):
        assert client.call("GET", "/v1/timelines/public").status == 200
    assert time.monotonic() - asked_at < SLACK_SECONDS


def test_connections_kept_open_after_their_end_cost_nobody_anything(
    client: Client, silent: list[socket.socket]
) -> None:
    for sock in silent:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    asked_at = time.monotonic()
    for _ in range(5):
        assert client.call("GET", "/v1/timelines/public").status == 200
    assert time.monotonic() - asked_at < SLACK_SECONDS


def test_clients_that_read_nothing_are_dropped_and_others_answered(client: Client) -> None:
    sockets = [client.connect() for _ in range(THREADS)]
    try:
        for sock in sockets:
            sock.setblocking(False)
            try:
                for _ in range(1000):
                    sock.send(b"GET /docs/swagger-ui.js HTTP/1.1\r\nHost: x\r\n\r\n")
            except BlockingIOError:
                pass  # the server has stopped reading, too
        asked_at = time.monotonic()
        assert client.call("GET", "/v1/timelines/public").status == 200
        assert time.monotonic() - asked_at < BODY_SECONDS + GRACEFUL_SECONDS + SLACK_SECONDS
    finally:
        for sock in sockets:
            sock.close()
