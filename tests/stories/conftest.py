"""Fixtures of the stories: Twooter as a laptop runs it and as production does, and people who meet there."""

from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.databases import MysqlDatabase, SqliteTemplate
from tests.faults.apps import App
from tests.faults.leaks import assert_calm, assert_no_secrets
from tests.processes import free_port
from tests.stories.people import Person

Meet = Callable[[str], Person]
PARTS = ("api", "relay", "worker", "beat", "stream")


@pytest.fixture(scope="session")
def laptop(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Start the one process of a laptop, for all stories of this worker."""
    url = sqlite_template.fresh(tmp_path_factory.mktemp("laptop"))
    with App.embedded(url, TWOOTER_STREAM_PORT=str(free_port())) as started:
        yield from _watched(started)


@pytest.fixture(scope="session")
def production(mariadb_server_url: str, worker_id: str) -> Iterator[App]:
    """Start production's processes on MariaDB and a Redis of their own, for all stories of this worker."""
    database = MysqlDatabase(mariadb_server_url, f"stories_{worker_id}")
    with servers.started(servers.redis) as redis:
        settings = {
            "TWOOTER_CACHE_URL": f"{redis.url.rpartition('/')[0]}/1",
            "TWOOTER_STREAM_PORT": str(free_port()),
        }
        with App.production(database.url, redis.url, parts=PARTS, **settings) as started:
            yield from _watched(started)


def _watched(started: App) -> Iterator[App]:
    yield started
    started.stop()
    assert_no_secrets(started.logs())
    assert_calm(started.logs())


@pytest.fixture(params=["laptop", "production"])
def place(request: pytest.FixtureRequest) -> App:
    """Return where a story happens: once on SQLite with the embedded queue, once on MariaDB and Redis."""
    started: App = request.getfixturevalue(request.param)
    return started


@pytest.fixture
def meet(place: App) -> Meet:
    """Return what brings somebody new to the place, under a name that begins as given."""
    return lambda name: Person(place, name)
