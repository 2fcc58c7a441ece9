"""The web server as it really runs: probes that tell the truth, metrics that outlive workers, clean ends."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import psutil
import pytest

from tests.databases import SqliteTemplate, migrate_url
from tests.faults.apps import App, runs
from tests.faults.clients import Client, answers_of
from tests.processes import Server, wait_until

MESSAGE = json.dumps({"text": "slow", "tag": "x"}).encode()
REQUESTS = re.compile(
    r'^twooter_http_requests_total\{method="GET",route="/v1/timelines/public",status="200"\} ([0-9.]+)$',
    re.M,
)
FIELDS = {"event", "level", "timestamp", "part", "request_id"} | {
    *("method", "route", "status", "duration_ms", "account_id")
}
"""Of a request's log line."""
IMPATIENT = """
from twooter.gunicorn_conf import *
from twooter.api import board as patience
patience.WEDGED_SECONDS = 0.3
"""

Start = Callable[..., Server]


@pytest.fixture
def start(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[Start]:
    """Return what starts a web server with a port for probes, and does not wait until it is ready."""
    started: list[Server] = []

    def run(*, url: str | None = None, configuration: str | None = None, **settings: str) -> Server:
        url = sqlite_template.fresh(tmp_path) if url is None else url
        server = App(["api"], {"TWOOTER_DATABASE_URL": url, "TWOOTER_WORKERS": "1", **settings})._server(
            "api"
        )
        if configuration is not None:
            path = tmp_path / "configuration.py"
            path.write_text(configuration)
            server.command = [sys.executable, "-m", "gunicorn", "-c", str(path)]
        server.answers = lambda: probe(server, "/healthz")[0] == 200
        started.append(server)
        return server.start()

    yield run
    for server in started:
        if server.running():
            os.kill(server.pid, signal.SIGTERM)
            wait_until(lambda server=server: not server.running(), seconds=20, what="its end")  # type: ignore[misc]  # a default binds the loop's variable
        server.stop()


def probe(server: Server, path: str) -> tuple[int, str]:
    """Return status and text of the port for machines; status 0 when nobody answers."""
    try:
        answer = Client(int(server.url.rpartition(":")[2])).call("GET", path, seconds=5)
    except OSError:
        return 0, ""
    return answer.status, answer.body.decode()


def becomes(server: Server, status: int, word: str = "") -> None:
    """Wait until /readyz answers that."""

    def told() -> bool:
        found = probe(server, "/readyz")
        return found[0] == status and word in found[1]

    wait_until(told, seconds=20, what=f"/readyz {status} {word}")


@contextmanager
def stalling(server: Server) -> Iterator[socket]:
    """Hold a thread of the server: a request whose body is not all there."""
    head = b"POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with Client(server.port).connect() as sock:
        sock.sendall(head + b"Content-Length: %d\r\n\r\n" % len(MESSAGE) + MESSAGE[:5])
        yield sock


def workers(server: Server) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.pid).children() if runs(child.pid)]


def test_a_server_is_ready_once_the_schema_is_new_enough(start: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    server = start(url=url)
    becomes(server, 503, "starting")
    assert probe(server, "/healthz") == (200, '{"status":"ok"}')
    assert probe(server, "/metrics")[0] == 200
    migrate_url(url)
    becomes(server, 200)
    assert probe(server, "/readyz") == (200, '{"status":"ok"}')


def test_what_machines_ask_is_on_a_port_of_its_own(start: Start) -> None:
    server = start()
    becomes(server, 200)
    client = Client(server.port)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.call("GET", path).status == 404
        assert probe(server, path)[0] == 200
    assert probe(server, "/v1/timelines/public")[0] == 404
    assert client.call("GET", "/v1/timelines/public").status == 200
    assert "/metrics" not in client.call("GET", "/openapi.json").json["paths"]


def test_threads_that_all_hang_are_told_by_the_parent_until_one_answers(start: Start) -> None:
    settings = {"TWOOTER_THREADS": "1", "TWOOTER_BODY_TIMEOUT_SECONDS": "60"}
    server = start(configuration=IMPATIENT, **settings)
    becomes(server, 200)
    with stalling(server) as sock:
        becomes(server, 503, "every thread is busy")
        assert probe(server, "/healthz")[0] == 200
        assert probe(server, "/metrics")[0] == 200
        sock.sendall(MESSAGE[5:])
        assert [answer.status for answer in answers_of(sock)] == [200]
    becomes(server, 200)


def test_one_thread_that_hangs_is_no_trouble(start: Start) -> None:
    server = start(configuration=IMPATIENT, TWOOTER_THREADS="2", TWOOTER_BODY_TIMEOUT_SECONDS="60")
    becomes(server, 200)
    with stalling(server):
        for _ in range(10):
            assert Client(server.port).call("GET", "/v1/timelines/public").status == 200
            assert probe(server, "/readyz")[0] == 200


def test_a_server_that_stops_says_so_answers_what_it_has_begun_and_ends(start: Start) -> None:
    server = start()
    becomes(server, 200)
    with stalling(server) as sock:
        os.kill(server.pid, signal.SIGTERM)
        becomes(server, 503, "draining")
        sock.sendall(MESSAGE[5:])
        (answer,) = answers_of(sock)
    assert (answer.status, answer.json.startswith("Posted new message")) == (200, True)
    wait_until(lambda: not server.running(), seconds=20, what="its end")


def metrics_files(server: Server) -> set[str]:
    """Return the files in which the workers count."""
    maps = (psutil.Process(child.pid).memory_maps() for child in workers(server))
    folders = {Path(found.path).parent for some in maps for found in some if "twooter-metrics-" in found.path}
    (folder,) = folders
    return {path.name for path in folder.iterdir()}


def counted(server: Server) -> int:
    return sum(int(float(value)) for value in REQUESTS.findall(probe(server, "/metrics")[1]))


def test_counters_are_exact_and_files_few_however_often_workers_are_replaced(start: Start) -> None:
    server, asked = start(TWOOTER_WORKERS="2"), 0
    becomes(server, 200)
    files: list[set[str]] = []
    for _ in range(5):
        wait_until(lambda: len(workers(server)) == 2, seconds=20, what="two workers")
        becomes(server, 200)
        for _ in range(10):
            assert Client(server.port).call("GET", "/v1/timelines/public").status == 200
            asked += 1
        assert counted(server) == asked
        files.append(metrics_files(server))
        victim = workers(server)[0]
        victim.kill()
        wait_until(lambda victim=victim: victim not in workers(server), seconds=20, what="the worker's end")  # type: ignore[misc]  # a default binds the loop's variable
    # which kinds a slot has depends on what it was asked; how many slots there are does not
    assert {name.rpartition("_")[2] for name in set.union(*files)} == {"api0.db", "api1.db", "main.db"}
    assert counted(server) == asked


def test_nothing_of_a_run_is_left_in_memory(start: Start) -> None:
    server = start()
    becomes(server, 200)
    (folder,) = {
        Path(found.path).parent
        for found in workers(server)[0].memory_maps()
        if "twooter-metrics-" in found.path
    }
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not server.running(), seconds=20, what="its end")
    assert not folder.exists()


def test_the_log_has_one_json_line_for_each_request(start: Start) -> None:
    server = start()
    becomes(server, 200)
    client = Client(server.port)
    ids = [f"request-{number}" for number in range(5)]
    for id_ in ids:
        client.call("GET", "/v1/timelines/tags/secret-tag?limit=3", headers={"X-Request-ID": id_})
    wait_until(lambda: server.log().count('"event":"request"') == len(ids), seconds=10, what="the lines")
    found = [json.loads(line) for line in server.log().splitlines()]
    lines = [line for line in found if line["event"] == "request"]
    assert [line["request_id"] for line in lines] == ids
    for line in lines:
        assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/timelines/tags/{tag}", 200)
        assert line.keys() == FIELDS
    assert "secret-tag" not in server.log()
