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


def becomes(server: Server, status: int) -> None:
    """Wait until /readyz answers that; assert that nobody would restart the process meanwhile."""

    def told() -> bool:
        assert probe(server, "/healthz") == 200
        return probe(server, "/readyz") == status

    wait_until(told, seconds=60, what=f"/readyz {status} of {server.name}")


def stays(server: Server, status: int) -> None:
    """Assert that a part is alive and answers /readyz so for longer than it may be stuck."""
    until = time.monotonic() + 1.5 * STUCK_SECONDS

    def watched() -> bool:
        assert (probe(server, "/healthz"), probe(server, "/readyz")) == (200, status)
        return time.monotonic() > until

    wait_until(watched, seconds=120, what="a while")


@pytest.mark.parametrize("part", ["worker", "beat"])
def test_a_broker_that_is_away_makes_a_process_unready_and_never_dead(
    part: str, private_redis: Server, start: Start
) -> None:
    private_redis.kill()
    server = start(part, private_redis)
    stays(server, 503)
    for _ in range(2):
        private_redis.restart()
        becomes(server, 200)
        stays(server, 200)
        private_redis.kill()
        becomes(server, 503)
        stays(server, 503)
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not server.running(), seconds=30, what="its end")


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
        becomes(server, 503)
        broker.restart()
        becomes(server, 200)
        before = sent()
        wait_until(lambda: sent() > before + 3, seconds=60, what="tasks again")


@pytest.mark.parametrize("part", ["worker", "relay"])
def test_a_process_that_waits_for_its_schema_is_alive_and_not_ready(
    part: str, private_redis: Server, start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    server = start(part, private_redis, url=url)
    stays(server, 503)
    migrate_url(url)
    becomes(server, 200)


@pytest.mark.parametrize("part", ["worker", "relay"])
def test_a_process_that_waits_for_its_schema_ends_when_told(
    part: str, private_redis: Server, start: Start, tmp_path: Path
) -> None:
    server = start(part, private_redis, url=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not server.running(), seconds=30, what="its end")


def test_the_exporter_is_ready_whatever_is_away_for_it_tells_that(
    private_redis: Server, start: Start, tmp_path: Path
) -> None:
    server = start("exporter", private_redis, url=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    private_redis.kill()
    stays(server, 200)
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: not server.running(), seconds=30, what="its end")
