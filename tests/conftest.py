"""Fixtures every test may ask for: databases of each kind, and servers that belong to this run alone.

`database_url` runs a test once per backend. A missing server skips its tests; REQUIRE_SERVICES=1 forbids that.
"""

import fcntl
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import houses, servers
from tests.databases import MysqlDatabase, SqliteTemplate, VitessDatabase
from tests.faults.apps import started
from tests.processes import Server, end_supervisor, wait_until
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage.database import Storage

MYSQL_URL = os.environ.get("TWOOTER_TEST_MYSQL_URL", "")
_SHOWN = 20_000
_LASTS_SECONDS = 30
VITESS_URL = os.environ.get("TWOOTER_TEST_VITESS_URL", "")
BACKENDS = [
    "sqlite",
    "mariadb",
    *(["mysql"] if MYSQL_URL else []),
    *(["vitess"] if VITESS_URL else []),
]


def pytest_configure() -> None:
    """Forget the settings of the shell that started the run: no test depends on them."""
    for name in [n for n in os.environ if n.startswith("TWOOTER_") and not n.startswith("TWOOTER_TEST_")]:
        del os.environ[name]
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


@pytest.hookimpl(tryfirst=True)  # before pytest removes the folder with the note
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Wait for the end of the server that the workers shared, so that nothing is left when the command returns."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        note = _shared_note(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]  # pytest's own name
        if note.exists():
            end_supervisor(int(note.read_text().split()[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what applications that run in processes of their own said last."""
    report = yield
    if report.failed:
        report.sections += [
            (f"Last words of {', '.join(app.parts) or 'an application'}", app.logs()[-_SHOWN:])
            for app in list(started)
        ]
    return report


def _shared_note(folder: Path) -> Path:
    return folder / "mariadb.txt"


def pytest_report_header() -> list[str]:
    """Say which real servers this run can start."""
    lines = [f"{package}: {_found(package)}" for package in servers.PROGRAMS]
    return [
        *lines,
        f"MySQL: {'the one of TWOOTER_TEST_MYSQL_URL' if MYSQL_URL else 'none (TWOOTER_TEST_MYSQL_URL)'}",
        f"Vitess: {'the one of TWOOTER_TEST_VITESS_URL' if VITESS_URL else 'none (TWOOTER_TEST_VITESS_URL)'}",
    ]


def _found(package: str) -> str:
    try:
        return servers.program(package)
    except servers.MissingServer:
        return "missing: its tests are " + ("FAILING" if servers.required() else "skipped")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Name the kind of database: the test runs once for each."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a migrated, empty database that nobody else uses during the test."""
    if backend == "sqlite":
        template: SqliteTemplate = request.getfixturevalue("sqlite_template")
        return template.fresh(tmp_path)
    database: MysqlDatabase | VitessDatabase = request.getfixturevalue(f"{backend}_database")
    return database.fresh()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Return the settings of a laptop whose database is `database_url`."""
    is_sharded = bool(VITESS_URL) and database_url == VITESS_URL
    return Settings.model_validate(
        {"database_url": database_url, "database_sharded": is_sharded, "var_dir": tmp_path / "var"}
    )


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    """Open `database_url`, and close this thread's connection afterwards."""
    opened = Storage.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def changes() -> dict[str, Any]:
    """Return settings that differ from a laptop's; a test parametrizes this."""
    return {}


@pytest.fixture
def services(settings: Settings, changes: dict[str, Any]) -> Iterator[Services]:
    """Return the services of `database_url`."""
    with houses.opened(settings.model_copy(update=changes)) as services:
        yield services


@pytest.fixture
def one_hour() -> None:
    """Begin when the hour, and with it the day and the year, lasts for longer than the test: all is of one window."""
    wait_until(
        lambda: time.time() % 3_600 < 3_600 - _LASTS_SECONDS, seconds=2 * _LASTS_SECONDS, what="a new hour"
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """Migrate one SQLite file per worker."""
    return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def mariadb_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with MariaDB's own tables, which all workers of this run copy."""
    folder, _ = _whole_run(tmp_path_factory)
    data = folder / "mariadb"
    with _locked(folder / "mariadb-data.lock"):
        if not data.exists():
            servers.started(lambda: servers.mariadb_data(folder / f"mariadb-of-{os.getpid()}")).rename(data)
    return data


@pytest.fixture(scope="session")
def mariadb_server_url(tmp_path_factory: pytest.TempPathFactory, mariadb_data: Path) -> str:
    """Return the URL of the one MariaDB server that all workers of this run share, ending in `/`."""
    folder, owner_pid = _whole_run(tmp_path_factory)
    note = _shared_note(folder)
    with _locked(note.with_suffix(".lock")):
        if not note.exists():
            server = servers.mariadb(owner_pid=owner_pid, begin_with=mariadb_data)
            note.write_text(f"{server.leave_to_owner()} {server.url}")
    return note.read_text().split()[1]


def _whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return the folder and the process of the whole run, of which a worker is a part."""
    folder = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    return (folder.parent, os.getppid()) if is_worker else (folder, os.getpid())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def mariadb_database(mariadb_server_url: str, worker_id: str) -> MysqlDatabase:
    """Migrate one MariaDB database per worker."""
    return MysqlDatabase(mariadb_server_url, f"twooter_{worker_id}")


@pytest.fixture(scope="session")
def mysql_database(testrun_uid: str, worker_id: str) -> Iterator[MysqlDatabase]:
    """Migrate one database per worker on the MySQL server of TWOOTER_TEST_MYSQL_URL, dropped afterwards."""
    database = MysqlDatabase(MYSQL_URL.rpartition("/")[0], f"twooter_{testrun_uid[:8]}_{worker_id}")
    yield database
    database.drop()


@pytest.fixture(scope="session")
def vitess_database(worker_id: str) -> VitessDatabase:
    """Migrate the sharded Vitess of TWOOTER_TEST_VITESS_URL, which has both VSchemas; its tables are emptied."""
    assert worker_id in ("master", "gw0"), "what needs the one Vitess runs in one process"
    return VitessDatabase(VITESS_URL)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """Start one Redis per worker."""
    with servers.started(servers.redis) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    """Return the URL of an empty Redis that nobody else uses during the test."""
    with redis.Redis.from_url(redis_server.url, socket_timeout=5) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """Start one RabbitMQ per worker (seconds); its queues outlive a test, so give them names of their own."""
    with servers.started(servers.rabbitmq) as server:
        yield server.url


@pytest.fixture
def private_mariadb(mariadb_data: Path) -> Iterator[Server]:
    """Start a MariaDB for this test alone, to be frozen, killed, restarted."""
    with servers.mariadb(begin_with=mariadb_data) as server:
        yield server


@pytest.fixture
def private_redis() -> Iterator[Server]:
    """Start a Redis for this test alone, to be frozen, killed, restarted."""
    with servers.started(servers.redis) as server:
        yield server


@pytest.fixture
def private_rabbitmq() -> Iterator[Server]:
    """Start a RabbitMQ for this test alone, to be frozen, killed, restarted."""
    with servers.started(servers.rabbitmq) as server:
        yield server
