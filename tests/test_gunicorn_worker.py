"""The web server's worker: kept connections end, but never under a request that has arrived."""

import os
import signal
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.databases import SqliteTemplate
from tests.faults.apps import App
from tests.processes import wait_until

CONNECTIONS = 20


def ask(connection: HTTPConnection) -> None:
    connection.request("GET", "/v1/timelines/public?limit=1")


def hear(connection: HTTPConnection) -> tuple[int, bool]:
    """Return the status of an answer, and whether it is the connection's last."""
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.will_close


def refuses(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return True
    connection.close()
    return False


def stop(app: App) -> None:
    """Tell the server to stop, and wait until its worker knows."""
    os.kill(app.server.pid, signal.SIGTERM)
    wait_until(lambda: refuses(app.port), seconds=30, what="a refusal")


def leave(_: App) -> None:
    """Let the time of kept connections run out by itself."""


@pytest.mark.parametrize(("begin", "is_last"), [(stop, True), (leave, False)])
def test_a_request_that_arrives_while_nobody_looks_is_answered_however_late_it_is(
    begin: Callable[[App], None], sqlite_template: SqliteTemplate, tmp_path: Path, *, is_last: bool
) -> None:
    """A busy machine does for moments what is done here for seconds: it lets the server sleep."""
    settings = {
        "TWOOTER_DATABASE_URL": sqlite_template.fresh(tmp_path),
        "TWOOTER_WORKERS": "1",
        "TWOOTER_KEEPALIVE_SECONDS": "3",
    }
    with App(["api"], settings) as app:
        connections = [HTTPConnection("127.0.0.1", app.port, timeout=30) for _ in range(CONNECTIONS)]
        for connection in connections:
            ask(connection)
        assert {hear(connection) for connection in connections} == {(200, False)}
        begin(app)
        app.server.freeze()
        until = time.monotonic() + 3.5  # longer than a connection is kept, by whoever looks
        wait_until(lambda: time.monotonic() > until, seconds=10, what="the end of the connections' time")
        for connection in connections:
            ask(connection)
        app.server.thaw()
        assert {hear(connection) for connection in connections} == {(200, is_last)}
        for connection in connections:
            connection.close()
