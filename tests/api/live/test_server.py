"""The door of live updates: who is refused and how, bounds, slow readers, heartbeats, browsers, and the end."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.live.conftest import ORIGIN, Person
from tests.listeners import Listener
from tests.outbox import drain
from tests.processes import wait_until
from twooter.api.live import connections, hub
from twooter.api.live import server as server_module
from twooter.api.live.server import StreamServer
from twooter.domain.twoots import Draft
from twooter.metrics import STREAM_CAPACITY, STREAM_CONNECTIONS, STREAM_ENDS
from twooter.services.house import Services

Meet = Callable[[str], Person]


@pytest.fixture
def port(server: StreamServer) -> int:
    """Return where the stream is."""
    assert server.port is not None
    return server.port


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"topics": "home"}, 401, "unauthorized"),
        ({"topics": "home", "token": "twt_1_2_x"}, 401, "unauthorized"),
        ({"topics": "home", "ticket": "tws_" + "a" * 43}, 401, "bad_ticket"),
        ({"topics": "home", "headers": {"Authorization": "Basic x"}}, 401, "unauthorized"),
        ({"topics": "gossip"}, 400, "bad_topics"),
        ({"topics": "tag:"}, 400, "bad_topics"),
        ({"topics": "tag:a\nb"}, 400, "bad_topics"),
        ({}, 400, "bad_topics"),
        ({"topics": ",".join(f"tag:t{number}" for number in range(11))}, 400, "bad_topics"),
        ({"topics": "home", "path": "/v1/timelines/home"}, 404, "not_found"),
        ({"topics": "home", "method": "POST"}, 405, "method_not_allowed"),
        ({"topics": "home", "headers": {"X-Long": "a" * 20_000}}, 400, "bad_request"),
        ({"topics": "home", "headers": {"Bad Header": "x"}}, 400, "bad_request"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_problem(
    port: int, asked: dict[str, Any], status: int, code: str
) -> None:
    with Listener(port, **asked) as listener:
        assert listener.status == status
        assert listener.headers["content-type"] == "application/problem+json"
        problem = listener.problem
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["request_id"] == listener.headers["x-request-id"]


def test_what_is_no_http_is_refused_and_what_says_nothing_is_let_go(
    port: int, server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as spoken:
        spoken.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert spoken.recv(12) == b"HTTP/1.1 400"
    monkeypatch.setattr(server_module, "_HEAD_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
        silent.sendall(b"GET /v1/stream?top")
        assert silent.recv(1) == b""


@pytest.mark.parametrize("changes", [{"stream_connections_per_account": 1}], indirect=True)
def test_an_account_listens_in_so_many_places_and_others_still_may(
    ada: Person, ben: Person, port: int
) -> None:
    with ada.listen("home"), ben.listen("home"), Listener(port, "home", token=ada.token) as second:
        assert (second.status, second.headers["retry-after"], second.problem["code"]) == (
            429,
            "30",
            "rate_limited",
        )
    wait_until(lambda: STREAM_CONNECTIONS._value.get() == 0, seconds=10, what="nobody's listening")
    ada.listen("home").close()  # a place that was left is free


@pytest.mark.parametrize("changes", [{"stream_connections": 1}], indirect=True)
def test_all_together_are_so_many(ada: Person, ben: Person, port: int) -> None:
    assert STREAM_CAPACITY._value.get() == 1
    with ada.listen("home"), Listener(port, "home", token=ben.token) as second:
        assert (second.status, second.headers["retry-after"], second.problem["code"]) == (
            503,
            "30",
            "unavailable",
        )


def test_a_slow_reader_is_dropped_and_the_others_hear_everything(
    ada: Person, ben: Person, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_AT_ONCE", 4)
    monkeypatch.setattr(connections, "BUFFER_BYTES", 16_384)
    monkeypatch.setattr(connections, "_KERNEL_BYTES", 4096)
    dropped, many = STREAM_ENDS.labels("slow")._value.get(), 60
    with ada.listen("public", receive_bytes=2048), ben.listen("public") as reader:
        twoots = [services.twoots.publish(ben.viewer, Draft("so much " * 30)).twoot for _ in range(many)]
        heard: list[str] = []

        def read() -> None:
            for _ in range(many):
                happening = reader.next()
                heard.append("" if happening is None else happening.data["id"])

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        drain(services)
        wait_until(lambda: STREAM_ENDS.labels("slow")._value.get() > dropped, seconds=10, what="the drop")
        wait_until(lambda: len(heard) == many, seconds=10, what="the whole")
    assert heard == [str(twoot.id) for twoot in twoots]


def test_who_only_waits_is_kept_awake(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEARTBEAT_SECONDS", 0.2)
    with ada.listen("home") as listener:
        assert listener.heartbeat()


def test_browsers_may_listen_from_the_origins_of_the_settings(ada: Person, port: int) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    with Listener(port, "home", method="OPTIONS", headers=asked) as preflight:
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
    with ada.listen("home", headers={"Origin": ORIGIN}) as listener:
        assert listener.headers["access-control-allow-origin"] == ORIGIN
    with ada.listen("home", headers={"Origin": "https://elsewhere.example"}) as stranger:
        assert "access-control-allow-origin" not in stranger.headers


def test_answers_are_neither_buffered_nor_kept(ada: Person) -> None:
    with ada.listen("home") as listener:
        assert listener.headers["content-type"] == "text/event-stream"
        assert listener.headers["cache-control"] == "no-store"
        assert listener.headers["x-accel-buffering"] == "no"


def test_who_listens_when_it_ends_is_told_to_come_back(services: Services, redis_url: str) -> None:
    made, stop = StreamServer(services), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(made.serve("127.0.0.1", 0, stop)))
    thread.start()
    try:
        wait_until(lambda: made.trouble() is None, seconds=20, what="the stream")
        with Person(services, made, "ada").listen("home") as listener:
            stop.set()
            told, then = listener.next(), listener.next()
    finally:
        stop.set()
        thread.join(20)
    assert told is not None
    assert (told.name, told.data, then) == ("end", {"code": "stopping"}, None)
    assert told.retry_ms is not None
    assert 500 <= told.retry_ms <= 5000
    assert made.trouble() == "stopping"
