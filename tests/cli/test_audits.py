"""`audit`, `repair` and `parked`: what operators see, and what scripts read."""

from collections.abc import Callable

import orjson
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from tests.events import count
from tests.outbox import drain
from twooter.cli import databases, main
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import outbox
from twooter.storage.database import Session

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what calls a command and returns its exit code and output without the log."""
    monkeypatch.setenv("TWOOTER_DATABASE_URL", settings.database_dsn)
    monkeypatch.setenv("TWOOTER_VAR_DIR", str(settings.var_dir))
    monkeypatch.setattr(databases, "quiet", lambda _: None)  # logs stay as they are for the tests that follow

    def call(*arguments: str) -> tuple[int, str]:
        with capture_logs():
            done = CliRunner().invoke(main, arguments)
        return done.exit_code, done.output

    return call


def test_a_right_database_passes_an_audit(run: Run) -> None:
    assert run("audit") == (0, "No drift.\n")
    assert orjson.loads(run("audit", "--json")[1])["drifts"] == []
    assert run("repair") == (0, "Nothing to mend.\n")


def test_drift_is_shown_ends_with_1_and_is_repaired(run: Run, services: Services) -> None:
    services.storage.database.execute_sql(
        "INSERT INTO windows (unit, start_ms, twoots) VALUES (3, 978307200000, 4)"
    )
    code, shown = run("audit")
    assert code == 1
    assert "windows.twoots" in shown
    assert "+4 at 3, 978307200000" in shown
    assert orjson.loads(run("audit", "--json")[1])["drifts"][0] == {
        "kind": "windows.twoots",
        "rows": 1,
        "amount": 4,
        "examples": [{"key": ["3", "978307200000"], "by": 4}],
    }
    assert run("repair", "--dry-run")[0] == 0
    assert run("audit")[0] == 1
    assert "windows.twoots" in run("repair")[1]
    assert run("audit") == (0, "No drift.\n")


def test_parked_events_are_listed_and_replayed(run: Run, services: Services) -> None:
    assert run("parked", "list") == (0, "Nothing is parked.\n")
    count(services, services.ids.now_ms(), "tea")
    database = services.storage.database
    event = orjson.loads(database.execute_sql("SELECT event FROM outbox").fetchone()[0])
    database.execute_sql("DELETE FROM outbox")

    def park(tx: Session) -> None:
        outbox.park(tx, 7, "aggregates", 3, event, "RuntimeError('a bug')\nsecond line", 0)

    services.storage.transact(park)
    assert "aggregates  7      3      1970-01-01 00:00:00  RuntimeError('a bug')" in run("parked", "list")[1]
    assert run("parked", "list", "--consumer", "edges") == (0, "Nothing is parked.\n")
    assert run("parked", "replay") == (0, "1 event is on its way again.\n")
    assert run("parked", "replay") == (0, "Nothing is parked.\n")
    for delivery in services.outboxes.overdue():
        services.batches.run(delivery.consumer, delivery.batch_id)
    drain(services)
    assert database.execute_sql("SELECT uses FROM hashtags").fetchone()[0] == 1
