"""Fixtures of the fault tests: the application as it really runs, clients of it, and accounts."""

import itertools
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.databases import MysqlDatabase, SqliteTemplate
from tests.faults.apps import App
from tests.faults.clients import Client, Member
from tests.faults.leaks import assert_calm, assert_no_secrets

BODY_SECONDS, GRACEFUL_SECONDS = 1, 2
ORIGIN = "https://app.example.com"

SignUp = Callable[[], Member]


@pytest.fixture(scope="session")
def app(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Start the one process of a laptop, impatient and without limits, for all tests of this worker."""
    url = sqlite_template.fresh(tmp_path_factory.mktemp("app"))
    settings = {
        "TWOOTER_BODY_TIMEOUT_SECONDS": str(BODY_SECONDS),
        "TWOOTER_GRACEFUL_SECONDS": str(GRACEFUL_SECONDS),
        "TWOOTER_CORS_ORIGINS": ORIGIN,
    }
    with App.embedded(url, **settings) as started:
        yield from watched(started)


@pytest.fixture
def client(app: App) -> Client:
    """Return a client of that process."""
    return Client(app.port)


_numbers = itertools.count()


@pytest.fixture
def sign_up(client: Client) -> SignUp:
    """Return what registers an account that is nobody else's, and signs in."""
    return lambda: client.sign_up(f"u{next(_numbers)}_{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def member(app: App) -> Member:
    """Return an account for tests that do not mind what others do with it."""
    return Client(app.port).sign_up(f"member_{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def admin(app: App) -> Member:
    """Return an administrator, whom no route refuses for who it is."""
    signed_up = Client(app.port).sign_up(f"admin_{secrets.token_hex(4)}")
    app.promote(signed_up.id, "admin")
    return signed_up


@pytest.fixture(scope="session")
def production(mariadb_server_url: str, worker_id: str) -> Iterator[App]:
    """Start the shape of production on MariaDB and a Redis of its own, for all tests of this worker."""
    database = MysqlDatabase(mariadb_server_url, f"faults_{worker_id}")
    with servers.started(servers.redis) as redis:
        cache_url = f"{redis.url.rpartition('/')[0]}/1"
        settings = {"TWOOTER_CACHE_URL": cache_url, "TWOOTER_CORS_ORIGINS": ORIGIN}
        with App.production(database.url, redis.url, **settings) as started:
            yield from watched(started)


def watched(started: App) -> Iterator[App]:
    """Yield the application; when all tests are done with it, look into its metrics and all that it has logged."""
    yield started
    metrics = Client(int(started.ops_url.rpartition(":")[2])).call("GET", "/metrics")
    assert_no_secrets(metrics.body.decode())
    started.stop()
    assert_no_secrets(started.logs())
    assert_calm(started.logs())


@pytest.fixture(params=["app", "production"])
def shape(request: pytest.FixtureRequest) -> App:
    """Return the application in each shape: one process on SQLite, and several on MariaDB and Redis."""
    started: App = request.getfixturevalue(request.param)
    return started
