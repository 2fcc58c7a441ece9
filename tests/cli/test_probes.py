"""`probe`: sees from outside whether Twooter works, takes away what it made, and tells how it ended."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Call, Done
from tests.databases import SqliteTemplate
from tests.faults.apps import App
from tests.faults.clients import PASSWORD, Client
from tests.processes import wait_until
from tests.test_metrics import exposed
from twooter import metrics
from twooter.services.figures import measure_database
from twooter.settings import Settings
from twooter.storage.database import Storage

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
ACCOUNT = {"TWOOTER_PROBE_USERNAME": "prober", "TWOOTER_PROBE_PASSWORD": PASSWORD}
STEPS = ["sign_in", "count", "publish", "read", "aggregate", "clean_up"]


@pytest.fixture(scope="module")
def url(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of one database for the tests of this file."""
    return sqlite_template.fresh(tmp_path_factory.mktemp("probes"))


@pytest.fixture(scope="module")
def app(url: str) -> Iterator[App]:
    """Start everything in one process, with an account to probe with."""
    with App.embedded(url) as started:
        Client(started.port).sign_up("prober")
        yield started


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    """Open what the application writes to."""
    opened = Storage.open(Settings.model_validate({"database_url": url}))
    yield opened
    opened.close()


def count(storage: Storage, table: str, where: str = "1 = 1") -> int:
    sql = f"SELECT COUNT(*) FROM {table} WHERE {where}"  # noqa: S608 - our own names
    return int(storage.database.execute_sql(sql).fetchone()[0])


def told(done: Done) -> dict[str, Any]:
    """Return the one line that a probe prints; it never shows what it signs in with."""
    (line,) = done.stdout.decode().splitlines()
    assert PASSWORD.encode() not in done.stdout + done.stderr
    assert b"twt_" not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(line)
    assert found["ok"] == (done.returncode == 0)
    return found


def test_an_account_probes_and_leaves_nothing(app: App, storage: Storage, twooter: Call) -> None:
    before = count(storage, "twoots"), count(storage, "tokens")
    found = told(twooter("probe", "--url", app.url, **ACCOUNT))
    assert list(found["steps"]) == STEPS
    assert (found["ok"], found["error"], found["url"]) == (True, None, app.url)
    assert 0 < found["seconds"] < 30
    assert (count(storage, "twoots"), count(storage, "tokens")) == before
    wait_until(
        lambda: not count(storage, "hashtags", "uses <> 0"), seconds=30, what="the end of what was counted"
    )


def test_a_token_probes_and_stays(app: App, storage: Storage, twooter: Call) -> None:
    token = Client(app.port).sign_in("prober")
    before = count(storage, "twoots"), count(storage, "tokens")
    for _ in range(2):
        assert told(twooter("probe", "--url", app.url, TWOOTER_PROBE_TOKEN=token))["ok"]
    assert (count(storage, "twoots"), count(storage, "tokens")) == before


def test_a_new_account_probes_and_is_deleted(app: App, storage: Storage, twooter: Call) -> None:
    before = count(storage, "accounts")
    assert told(twooter("probe", "--url", app.url, "--register"))["ok"]
    wait_until(lambda: count(storage, "accounts") == before, seconds=30, what="the account's end")


def test_an_anonymous_message_probes_where_it_may(app: App, storage: Storage, twooter: Call) -> None:
    before = count(storage, "twoots")
    assert told(twooter("probe", "--url", app.url, "--anonymous"))["ok"]
    assert count(storage, "twoots") == before + 1


def test_what_is_recorded_becomes_metrics(app: App, url: str, storage: Storage, twooter: Call) -> None:
    assert told(twooter("probe", "--url", app.url, "--record", TWOOTER_DATABASE_URL=url, **ACCOUNT))["ok"]
    nobody = twooter("probe", "--url", "http://127.0.0.1:1", "--record", TWOOTER_DATABASE_URL=url, **ACCOUNT)
    assert told(nobody)["failed_step"] == "sign_in"
    measure_database(storage)
    found = exposed(metrics.exposition().decode())
    assert found["twooter_probe_ok", ()] == 0
    assert found["twooter_probe_failures", ()] == 1
    assert 0 <= found["twooter_probe_success_age_seconds", ()] < 60


def test_without_workers_it_fails_at_the_aggregate_and_still_cleans_up(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory, twooter: Call
) -> None:
    fresh = sqlite_template.fresh(tmp_path_factory.mktemp("alone"))
    with App(["api"], {"TWOOTER_DATABASE_URL": fresh, "TWOOTER_WORKERS": "1"}) as alone:
        member = Client(alone.port).sign_up("prober")
        found = told(twooter("probe", "--url", alone.url, "--seconds", "5", **ACCOUNT))
        assert (found["failed_step"], found["error"]) == ("aggregate", "it is not counted in time")
        assert "clean_up" in found["steps"]
        items = Client(alone.port).call("GET", f"/v1/accounts/{member.id}/twoots").json["items"]
        assert items == []


def test_a_wrong_password_is_told_by_its_code(app: App, twooter: Call) -> None:
    wrong = {**ACCOUNT, "TWOOTER_PROBE_PASSWORD": "quite another password"}
    found = told(twooter("probe", "--url", app.url, **wrong))
    assert found["failed_step"] == "sign_in"
    assert found["error"].startswith("POST /v1/tokens was answered with 401 (")


def test_an_address_that_says_nothing_takes_bounded_time(backend: str, twooter: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = told(
            twooter(
                "probe", "--url", f"http://127.0.0.1:{silent.getsockname()[1]}", "--seconds", "1", **ACCOUNT
            )
        )
    assert (found["ok"], found["failed_step"]) == (False, "sign_in")
    assert found["seconds"] < 30


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], b"Set TWOOTER_PROBE_TOKEN"),
        (["--url", "ftp://127.0.0.1", "--anonymous"], b"must begin with http:// or https://"),
        (["--url", "http://127.0.0.1:1", "--seconds", "0", "--anonymous"], b"--seconds"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    backend: str, twooter: Call, arguments: list[str], sentence: bytes
) -> None:
    done = twooter("probe", *arguments)
    assert done.returncode != 0
    assert sentence in done.stderr
