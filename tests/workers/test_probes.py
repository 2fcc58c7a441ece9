"""What probes are told of worker, beat, relay and exporter: an outage kills nobody, and who waits is not ready."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.databases import SqliteTemplate, migrate_url
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.processes import Server, wait_until
from tests.test_broker import asking

pytestmark = pytest.mark.timeout(300)  # processes start and wait for each other, on a busy machine too

STUCK_SECONDS = 6.0
"""Longer than any question that is not answered."""
IMPATIENT = f"""
import sys
from twooter.cli import pulses
from workers import beat, progress
for module in (pulses, beat, progress):
    module.STUCK_SECONDS = {STUCK_SECONDS}
progress._TICK_SECONDS = 0.2
beat.MAX_PAUSE_SECONDS = 0.5
from workers import schedule
for entry in schedule.SCHEDULE.values():
    entry["schedule"] = 0.5
"""
PARTS = {
    "worker": "from workers.__main__ import main\nmain(['worker', '--concurrency', '1'])",
    "beat": "from workers.__main__ import main\nmain(['beat'])",
    "relay": "from twooter.cli import main\nmain(['relay'])",
    "exporter": "from twooter.cli import main\nmain(['exporter'])",
}
Start = Callable[..., Server]


@pytest.fixture
def start(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[Start]:
    """Return what starts a part that soon calls itself stuck, and does not wait until it is ready."""
    started: list[Server] = []

    def run(part: str, broker: Server, *, url: str | None = None) -> Server:
        url = sqlite_template.fresh(tmp_path) if url is None else url
        settings = {
            "TWOOTER_DATABASE_URL": url,
            "TWOOTER_BROKER_URL": broker.url,
            "TWOOTER_EXPORTER_SECONDS": "0.2",
        }
        server = App([part], settings)._server("api")
        server.name = part
        server.command = [sys.executable, "-c", IMPATIENT + PARTS[part]]
        server.answers = lambda: probe(server, "/healthz") == 200
        started.append(server)
        return server.start()

    yield run
    for server in started:
        server.stop()


def probe(server: Server, path: str) -> int:
    """Return the status of an answer, 0 for none."""
    try:
        return Client(int(server.url.rpartition(":")[2])).call("GET", path, seconds=5).status
    except OSError:
        return 0


def becomes(status: int, *servers: Server) -> None:
    """Wait until /readyz of all answers that; assert that nobody would restart a process meanwhile."""

    def told() -> bool:
        assert {probe(server, "/healthz") for server in servers} == {200}
        return {probe(server, "/readyz") for server in servers} == {status}

    wait_until(told, seconds=60, what=f"/readyz {status} of {[server.name for server in servers]}")


def stays(status: int, *servers: Server) -> None:
    """Assert that all are alive and answer /readyz so for longer than a part may be stuck."""
    until = time.monotonic() + 1.5 * STUCK_SECONDS

    def watched() -> bool:
        for server in servers:
            assert (server.name, probe(server, "/healthz"), probe(server, "/readyz")) == (
                server.name,
                200,
                status,
            )
        return time.monotonic() > until

    wait_until(watched, seconds=120, what="a while")


def end(*servers: Server) -> None:
    """Tell all to end, and return when they have."""
    for server in servers:
        os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not any(server.running() for server in servers), seconds=30, what="their end")


def test_a_broker_that_is_away_makes_processes_unready_and_never_dead(
    private_redis: Server, start: Start
) -> None:
    private_redis.kill()
    servers = [start(part, private_redis) for part in ("worker", "beat")]
    stays(503, *servers)
    for _ in range(2):
        private_redis.restart()
        becomes(200, *servers)
        stays(200, *servers)
        private_redis.kill()
        becomes(503, *servers)
        stays(503, *servers)
    end(*servers)


@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_beat_sends_again_after_an_outage(kind: str, request: pytest.FixtureRequest, start: Start) -> None:
    broker: Server = request.getfixturevalue(f"private_{kind}")
    server = start("beat", broker)
    with asking(broker) as ask:

        def sent() -> int:
            with suppress(Exception):  # the broker's own, while it comes up
                return sum(found.waiting for found in ask())
            return 0

        # a queue of RabbitMQ that is younger than a second does not survive its server
        wait_until(lambda: sent() > 50, seconds=60, what="tasks")
        broker.kill()
        becomes(503, server)
        broker.restart()
        becomes(200, server)
        before = sent()
        wait_until(lambda: sent() > before + 3, seconds=60, what="tasks again")


def test_processes_that_wait_for_their_schema_are_alive_and_not_ready(
    private_redis: Server, start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    servers = [start(part, private_redis, url=url) for part in ("worker", "relay")]
    stays(503, *servers)
    migrate_url(url)
    becomes(200, *servers)


def test_processes_that_wait_for_their_schema_end_when_told(
    private_redis: Server, start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    end(*(start(part, private_redis, url=url) for part in ("worker", "relay")))


def test_the_exporter_is_ready_whatever_is_away_for_it_tells_that(
    private_redis: Server, start: Start, tmp_path: Path
) -> None:
    server = start("exporter", private_redis, url=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    private_redis.kill()
    stays(200, server)
    end(server)
