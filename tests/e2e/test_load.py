"""The load that says "0 failed": it must see every way in which a request can fail, and nothing else."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from e2e.load import Plan, Tally, run, run_client, sign_up
from tests.processes import wait_until

COUNT = 12


class Scripted(ThreadingHTTPServer):
    """A server that treats its requests, by their number, as `script` says; everything else is answered well."""

    daemon_threads = True

    def __init__(self, script: dict[int, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.asked: list[str] = []
        self.stopping = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers on kept connections."""

    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201)

    def _answer(self, status: int) -> None:
        number = len(self.server.asked)
        self.server.asked.append(f"{self.command} {self.path}")
        if number == COUNT:
            self.server.stopping.set()
        treatment = self.server.script.get(number, "")
        if treatment == "cut":
            self.close_connection = True
            return
        self.send_response(503 if treatment == "refuse" else status)
        self.send_header("Content-Length", "2")
        if treatment == "close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing: the tally is what is looked at."""


@contextmanager
def serving(script: dict[int, str]) -> Iterator[Scripted]:
    with Scripted(script) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tally_of(script: dict[int, str]) -> tuple[Tally, list[str]]:
    """Return what one client counted of a dozen requests, and what the server was asked."""
    with serving(script) as server:
        tally = Tally()
        plan = Plan("127.0.0.1", server.server_port, "token", "7", "load", 0.001)
        run_client(plan, 0, tally, server.stopping)
        return tally, server.asked


def test_what_is_answered_well_is_no_failure() -> None:
    tally, asked = tally_of({})
    assert (tally.failed, tally.connections) == (0, 1)
    assert tally.requests == len(asked)
    assert tally.acknowledged == asked.count("POST /v1/twoots")


def test_a_connection_that_the_server_takes_leave_of_is_no_failure() -> None:
    tally, _ = tally_of({3: "close", 7: "close"})
    assert (tally.failed, tally.connections) == (0, 3)


@pytest.mark.parametrize("treatment", ["cut", "refuse"])
def test_a_failure_is_counted_and_its_request_not_repeated(treatment: str) -> None:
    tally, asked = tally_of({4: treatment, 8: treatment})
    assert tally.failed == 2
    assert len(tally.failures) == 2
    assert tally.requests == len(asked)
    assert tally.acknowledged == asked.count("POST /v1/twoots") - 2
    one_round = asked[:4]
    assert asked == (one_round * 4)[: len(asked)]


def test_a_server_that_is_not_there_is_a_failure() -> None:
    with serving({}) as server:
        port = server.server_port
    tally, stopping = Tally(), threading.Event()
    client = threading.Thread(
        target=run_client, args=[Plan("127.0.0.1", port, "token", "7", "load", 0.001), 0, tally, stopping]
    )
    client.start()
    wait_until(lambda: tally.failed > 3, seconds=30, what="failures")
    stopping.set()
    client.join()
    assert tally.acknowledged == 0


def test_several_clients_share_a_tally_and_its_last_line_tells_their_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving({}) as server:
        plan = Plan("127.0.0.1", server.server_port, "token", "7", "load", 0.001)
        tally = run(plan, 3, server.stopping)
        assert tally.requests == len(server.asked)
    last = json.loads(tally.result())
    assert (last["kind"], last["connections"], last["failed"]) == ("done", 3, 0)
    assert 0 < last["p50_ms"] <= last["p99_ms"] <= last["slowest_ms"]
    assert all(json.loads(line)["kind"] == "progress" for line in capsys.readouterr().out.splitlines())


def test_an_account_that_cannot_be_made_ends_it() -> None:
    with serving({0: "refuse"}) as server, pytest.raises(Exception, match="503"):
        sign_up("127.0.0.1", server.server_port, "alice")
