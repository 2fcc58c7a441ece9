"""A Twooter in the shape of production, kept busy, and a Prometheus that watches it; one of each per worker."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import servers
from tests.databases import MysqlDatabase
from tests.faults.apps import COMMANDS, App
from tests.faults.truths import Truth
from tests.monitoring.prometheuses import Prometheus
from tests.monitoring.visitors import Visitors
from tests.processes import free_port, wait_until
from tests.rules.sources import ROOT
from workers.schedule import ENTRIES

PARTS = ("api", "relay", "worker", "exporter", "stream")


@pytest.fixture(scope="session")
def app(mariadb_server_url: str, worker_id: str) -> Iterator[App]:
    """Start the shape of production, watched while people come: queries may count on a little of everything."""
    database = MysqlDatabase(mariadb_server_url, f"monitoring_{worker_id}")
    commands = {**COMMANDS, "stream": ("-m", "twooter", "stream")}
    stream_port = free_port()
    with servers.started(servers.redis) as broker, servers.started(servers.redis) as cache:
        settings = {
            "TWOOTER_CACHE_URL": cache.url,
            "TWOOTER_EXPORTER_SECONDS": "1",
            "TWOOTER_LIMIT_SIGN_INS": "20/minute",
            "TWOOTER_LOG_FORMAT": "json",
            "TWOOTER_STREAM_PORT": str(stream_port),
        }
        shape = App.production(database.url, broker.url, parts=PARTS, **settings)
        with App(PARTS, shape.settings, commands) as started:
            _probe(started)
            with Visitors(started, database.url, cache.url, stream_port=stream_port):
                _run_periodic_tasks(database.url)
                yield started


def _probe(app: App) -> None:
    """Look from outside, as the chart's CronJob does."""
    command = [
        sys.executable,
        "-m",
        "twooter",
        "probe",
        "--url",
        app.url,
        "--register",
        "--record",
        "--seconds",
        "90",
    ]
    environment = {**os.environ, **app.settings, "TWOOTER_METRICS_PORT": "1", "PYTHONPATH": str(ROOT)}
    probed = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=120
    )
    assert probed.returncode == 0, probed.stdout + probed.stderr


def _run_periodic_tasks(database_url: str) -> None:
    """Run what beat would have sent within the hour, once there is something to be found."""
    truth = Truth(database_url)
    wait_until(lambda: truth.uses("metrics") > 0, seconds=60, what="the first statistics")
    for entry in ENTRIES:
        assert truth.services.schedules.claim(entry.task, entry.every_seconds)
        entry.run(truth.services)
    truth.services.stop()


@pytest.fixture(scope="session")
def prometheus(app: App) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes them."""
    with Prometheus({name: int(part.url.rpartition(":")[2]) for name, part in app.parts.items()}) as started:
        yield started
