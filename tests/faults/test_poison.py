"""Events that cannot be applied: tried again, set aside where an operator sees them, and replayed."""

import os
import subprocess
import sys

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import ROOT, App
from tests.faults.clients import Client
from tests.faults.loads import Load
from tests.faults.truths import Truth
from tests.processes import wait_until

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

SETTINGS = {"TWOOTER_RESEND_SECONDS": "1", "TWOOTER_MAX_ATTEMPTS": "2"}
PARTS = ("api", "relay", "worker")
GARBAGE = (b"no JSON at all", b'[0, null, "no such kind"]', b'{"an": "object"}')


def parked(truth: Truth, consumer: str = "aggregates") -> int:
    return truth.count(f"SELECT COUNT(*) FROM parked_events WHERE consumer = '{consumer}'")  # noqa: S608 - of names below


def operator(url: str, *arguments: str) -> str:
    """Run a command as an operator does; return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "twooter", *arguments],
        env={**os.environ, "TWOOTER_DATABASE_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_poison_event_is_parked_and_holds_up_nobody(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, redis_url, parts=PARTS, **SETTINGS) as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member) as load:
            for number, garbage in enumerate(GARBAGE):
                load.wait_for(5)
                truth.services.storage.database.execute_sql(
                    "INSERT INTO outbox (id, account_id, event) VALUES (%s, 1, %s)", (number + 1, garbage)
                )
            load.wait_for(5)
        truth.assert_exact(load.acknowledged, seconds=120)
        assert parked(truth) == len(GARBAGE)
        worker = Client(int(app.parts["worker"].url.rpartition(":")[2]))
        assert b'twooter_events_parked_total{consumer="aggregates"}' in worker.call("GET", "/metrics").body
        assert "no such kind" in operator(url, "parked", "list")


def test_what_a_broken_worker_parked_is_replayed_once_it_is_mended(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, redis_url, parts=PARTS, **SETTINGS) as app, Truth(url) as truth:
        client, database = Client(app.port), truth.services.storage.database
        member = client.sign_up("alice")
        acknowledged = [client.publish(member, "#load before")]
        truth.settle()
        database.execute_sql("ALTER TABLE hashtag_windows RENAME TO hidden")
        try:
            acknowledged += [client.publish(member, f"#load {number}") for number in range(5)]
            wait_until(lambda: parked(truth) >= 5, seconds=60, what="parked events")
        finally:
            database.execute_sql("ALTER TABLE hidden RENAME TO hashtag_windows")
        acknowledged.append(client.publish(member, "#load after"))
        for _ in range(2):
            operator(url, "parked", "replay")
        truth.assert_exact(acknowledged)
        assert parked(truth) == 0
        assert "No drift" in operator(url, "audit")
