"""What machines ask: health and metrics, on the application's port or on one of their own."""

import json
import socket
import urllib.request
from functools import partial
from urllib.error import HTTPError

import pytest
from falcon.testing import TestClient

from twooter.api.app import create_app, create_doorway
from twooter.api.board import Board
from twooter.machines import serve
from twooter.services.house import Services

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


class Check:
    """A check whose answer a test sets."""

    wrong: str | None = None

    def __call__(self) -> str | None:
        """Answer."""
        return self.wrong


@pytest.fixture(scope="module")
def alive() -> Check:
    """Return what /healthz asks."""
    return Check()


@pytest.fixture(scope="module")
def ready() -> Check:
    """Return what /readyz asks."""
    return Check()


@pytest.fixture(scope="module")
def port(alive: Check, ready: Check) -> int:
    """Serve the three addresses from a thread, on a free port."""
    return serve("127.0.0.1", 0, alive=alive, ready=ready)


def ask(port: int, path: str) -> tuple[int, str, str]:
    """Return status, content type and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except HTTPError as ex:
        with ex:
            return ex.code, ex.headers["Content-Type"], ex.read().decode()


@pytest.mark.usefixtures("backend")
def test_checks_decide_what_is_answered(port: int, alive: Check, ready: Check) -> None:
    assert ask(port, "/healthz") == ask(port, "/readyz") == (200, "application/json", '{"status":"ok"}')
    ready.wrong = "draining"
    status, _, text = ask(port, "/readyz")
    assert (status, json.loads(text)) == (503, {"status": "unavailable", "detail": "draining"})
    assert ask(port, "/healthz")[0] == 200
    ready.wrong, alive.wrong = None, "stuck"
    assert (ask(port, "/healthz")[0], ask(port, "/readyz")[0]) == (503, 200)
    alive.wrong = None


@pytest.mark.usefixtures("backend")
def test_metrics_are_in_the_text_format(port: int) -> None:
    status, kind, text = ask(port, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# HELP twooter_http_request_seconds " in text
    assert "# TYPE twooter_http_request_seconds histogram" in text


@pytest.mark.usefixtures("backend")
def test_nothing_else_is_served_there(port: int) -> None:
    for path in ("/", "/v1/timelines/public", "/metrics/x", "/healthz/"):
        assert ask(port, path)[0] == 404


@pytest.mark.usefixtures("backend")
def test_a_silent_client_holds_up_nobody(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        assert ask(port, "/healthz")[0] == 200
    finally:
        for connection in silent:
            connection.close()


def test_on_a_laptop_they_are_on_the_applications_port(client: TestClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = client.simulate_get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path


@pytest.mark.parametrize("changes", [{"metrics_port": 9100}])
def test_with_a_port_of_their_own_the_application_has_none_of_them(client: TestClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.simulate_get(path).status_code == 404


def test_readiness_never_asks_the_database(services: Services) -> None:
    """One slow database must not take every process out."""
    asked: list[str] = []
    services.storage.observers.append(lambda name, _seconds, _failed: asked.append(name))
    door = create_doorway(services)
    board = door.board = Board(2)
    client = TestClient(create_app(services, door))
    states = [client.simulate_get("/readyz").status_code]
    for step in (partial(board.take, 0), board.set_ready):
        step()
        states.append(client.simulate_get("/readyz").status_code)
    assert states == [503, 503, 200]
    assert asked == []
