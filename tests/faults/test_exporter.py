"""The exporter on bad days: what it cannot know it does not tell, and it tells again by itself."""

from collections.abc import Callable

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.faults.leaks import assert_no_secrets
from tests.faults.truths import Truth
from tests.processes import Server, wait_until
from tests.test_metrics import exposed

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

SETTINGS = {"TWOOTER_EXPORTER_SECONDS": "0.2"}
OF_DATABASE, OF_BROKER = "twooter_outbox_rows", "twooter_queue_waiting"


def told(app: App) -> dict[str, float]:
    """Return what the exporter tells, by name and labels' values; asserts that it answers in bounded time."""
    answer = Client(int(app.parts["exporter"].url.rpartition(":")[2])).call("GET", "/metrics", seconds=5)
    assert answer.status == 200
    assert_no_secrets(answer.body.decode())
    found = exposed(answer.body.decode())
    return {
        ":".join([name, *(value for _, value in labels)]): number for (name, labels), number in found.items()
    }


def becomes(app: App, name: str, value: float | None) -> None:
    """Wait until a figure is told so, or (None) is not told at all."""
    wait_until(lambda: told(app).get(name) == value, seconds=60, what=f"{name} {value}")


def stop(server: Server) -> Callable[[], None]:
    server.kill()
    return server.restart


def freeze(server: Server) -> Callable[[], None]:
    server.freeze()
    return server.thaw


@pytest.mark.parametrize("attack", [stop, freeze])
def test_what_is_away_is_told_and_what_it_would_have_said_is_not(
    attack: Callable[[Server], Callable[[], None]], private_mariadb: Server, private_redis: Server
) -> None:
    database = MysqlDatabase(private_mariadb.url, "exporter")
    with App.production(database.url, private_redis.url, parts=("exporter",), **SETTINGS) as app:
        becomes(app, OF_DATABASE, 0)
        becomes(app, f"{OF_BROKER}:aggregates", 0)

        repair = attack(private_mariadb)
        becomes(app, "twooter_database_reachable", 0)
        found = told(app)
        assert not [
            name for name in found if name.startswith((OF_DATABASE, "twooter_twoots", "twooter_schema"))
        ]
        assert (found["twooter_broker_reachable"], found[f"{OF_BROKER}:aggregates"]) == (1, 0)
        repair()
        becomes(app, OF_DATABASE, 0)

        repair = attack(private_redis)
        becomes(app, "twooter_broker_reachable", 0)
        found = told(app)
        assert not [name for name in found if name.startswith("twooter_queue")]
        assert (found["twooter_database_reachable"], found[OF_DATABASE]) == (1, 0)
        repair()
        becomes(app, f"{OF_BROKER}:aggregates", 0)


def test_it_tells_what_waits_for_workers_and_for_the_relay(
    one_hour: None, mariadb_database: MysqlDatabase, private_redis: Server
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay", "worker", "exporter")
    with App.production(url, private_redis.url, parts=parts, **SETTINGS) as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        truth.settle()
        app.parts["worker"].freeze()
        for number in range(4):  # the first may be on its way to the frozen worker, where nobody can count it
            client.publish(member, f"#tea {number}")
            wait_until(lambda: truth.unsealed() == 0, seconds=60, what="a batch")
        # a queue holds the tasks of several consumers, of which each has its batches
        for name in ("twooter_queue_depth:aggregates", "twooter_unfinished_batches:aggregates"):
            wait_until(lambda name=name: told(app)[name] >= 3, seconds=60, what=f"three in {name}")  # type: ignore[misc]  # a default binds the loop's variable
        app.parts["relay"].freeze()
        client.publish(member, "#tea once more")
        becomes(app, OF_DATABASE, 1)
        assert told(app)["twooter_outbox_oldest_seconds"] >= 0
        for part in ("relay", "worker"):
            app.parts[part].thaw()
        for name in (OF_DATABASE, "twooter_queue_depth:aggregates", "twooter_unfinished_batches:aggregates"):
            becomes(app, name, 0)
        becomes(app, "twooter_twoots_today", 5)
        becomes(app, "twooter_active_accounts_today", 1)
