"""Twenty thousand events through five killed workers and an emptied broker: the statistics end as exactly the truth."""

import csv
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from tests.databases import MysqlDatabase
from tests.faults.apps import ROOT, App
from tests.faults.clients import Client
from tests.faults.truths import Truth
from tests.processes import wait_until
from twooter.domain.ids import EPOCH_MS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVENTS, KILLS, FLUSH_AFTER = 20_000, 5, 3
TAGS = ("coffee", "tea", "night-life", "1337code", "Öl", "コーヒー", "rain")
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
Stats = dict[str, dict[str, int]]


def write_messages(file: Path) -> Stats:
    """Write messages from 2000 to 2023; return how many there are by year and tag."""
    counted: dict[str, Counter[str]] = {}
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("message", "tag", "timestamp"))
        for number in range(EVENTS):
            tag, at = TAGS[number * number % len(TAGS)], FIRST + (LAST - FIRST) * number / EVENTS
            at -= timedelta(microseconds=at.microsecond)
            rows.writerow((f"message {number}", tag, at.isoformat()))
            counted.setdefault(str(at.year), Counter())[tag] += 1
    return {year: dict(tags) for year, tags in counted.items()}


def by_sql(truth: Truth) -> Stats:
    """Return the twoots of each year and tag, counted by the database."""
    time = f"FROM_UNIXTIME(((id >> 22) + {EPOCH_MS}) / 1000)"
    sql = f"SELECT YEAR({time}), given_tag, COUNT(*) FROM twoots GROUP BY 1, 2"  # noqa: S608 - a number of our own
    found: Stats = {}
    for year, tag, count in truth.services.storage.database.execute_sql(sql).fetchall():
        found.setdefault(str(year), {})[tag if isinstance(tag, str) else tag.decode()] = count
    return found


def command(app: App, *arguments: str) -> subprocess.Popen[str]:
    """Start `python -m twooter` with the settings of the application."""
    return subprocess.Popen(
        [sys.executable, "-m", "twooter", *arguments],
        env={**os.environ, **app.settings, "TWOOTER_METRICS_PORT": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_workers_and_an_emptied_broker_change_no_statistics(
    mariadb_database: MysqlDatabase, redis_url: str, tmp_path: Path
) -> None:
    url, file = mariadb_database.fresh(), tmp_path / "messages.csv"
    expected = write_messages(file)
    with (
        App.production(url, redis_url, TWOOTER_RESEND_SECONDS="2") as app,
        Truth(url) as truth,
        ExitStack() as processes,
    ):
        importing = processes.enter_context(command(app, "import", str(file)))
        processes.callback(importing.kill)
        for kill in range(1, KILLS + 1):
            wait_until(
                lambda kill=kill: truth.applied() >= EVENTS * kill // (KILLS + 1),  # type: ignore[misc]  # a default binds the loop's variable
                seconds=120,
                what=f"a part of the events, before kill {kill}",
            )
            app.parts["worker"].kill()
            if kill == FLUSH_AFTER:
                empty(redis_url)
            app.restart("worker")
        told = importing.communicate(timeout=120)[0]
        assert importing.returncode == 0, told
        truth.settle(seconds=120)
        assert truth.applied() == EVENTS
        assert truth.count("SELECT COUNT(*) FROM deliveries WHERE attempts > 1") > 0
        auditing = processes.enter_context(command(app, "audit"))
        assert auditing.communicate(timeout=120)[0].splitlines()[-1] == "No drift."
        answer = Client(app.port).call("GET", "/management/message-stats")
        assert answer.json == by_sql(truth) == expected


def empty(redis_url: str) -> None:
    """Take from the broker what it holds, as soon as it holds a task."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as broker:
        wait_until(
            lambda: broker.llen("aggregates") + broker.hlen("unacked") > 0, seconds=60, what="a task to lose"
        )
        broker.flushall()
