"""`migrate` as a job of an installation: whatever is wrong ends it in bounded time, with a sentence and exit code 1."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Call
from tests.databases import MysqlDatabase
from tests.processes import Server, wait_until

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
BOUND_SECONDS = 60
"""For an interpreter that starts on a busy machine; a database that is away costs a few seconds of it."""
AWAY = "does not answer: is it up, is TWOOTER_DATABASE_URL right, and does the network let this process reach it?"


def refused(twooter: Call, url: str, *arguments: str, **settings: str) -> str:
    """Return the sentence with which `migrate` ends, after checking that nothing else is told."""
    began = time.monotonic()
    done = twooter("migrate", *arguments, TWOOTER_DATABASE_URL=url, **settings)
    assert time.monotonic() - began < BOUND_SECONDS
    assert (done.returncode, done.stdout) == (1, b"")
    text = done.stderr.decode()
    assert "Traceback" not in text
    assert "hidden" not in text
    return text.splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["--check"], ["--wait-seconds", "2"]])
def test_a_database_where_nobody_listens(backend: str, twooter: Call, arguments: list[str]) -> None:
    said = refused(twooter, "mysql://u:hidden@127.0.0.1:1/x", *arguments)
    assert said == f"Error: Nothing was migrated. The database at 127.0.0.1:1 {AWAY}"


def test_a_database_that_accepts_and_says_nothing(backend: str, twooter: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        said = refused(twooter, f"mysql://u:hidden@127.0.0.1:{port}/x")
    assert said == f"Error: Nothing was migrated. The database at 127.0.0.1:{port} {AWAY}"


def test_a_name_that_nobody_has(backend: str, twooter: Call) -> None:
    said = refused(twooter, "mysql://u:hidden@no-such-host.invalid/x", TWOOTER_DATABASE_TLS="disabled")
    assert said == f"Error: Nothing was migrated. The database at no-such-host.invalid:3306 {AWAY}"


def test_a_wrong_password_an_unknown_name_and_a_server_without_tls(
    backend: str, twooter: Call, mariadb_database: MysqlDatabase
) -> None:
    url = mariadb_database.fresh()
    place = f"127.0.0.1:{urlsplit(url).port}"
    wrong = url.replace(str(urlsplit(url).password), "hidden")
    said = f"Error: Nothing was migrated. The database at {place} "
    assert refused(twooter, wrong).startswith(said + "lets nobody in with this user, password and address")
    unknown = url.rpartition("/")[0] + "/nowhere"
    assert refused(twooter, unknown).startswith(said + "has no database of this name")
    untrusted = refused(twooter, url, TWOOTER_DATABASE_TLS="required")
    assert untrusted.startswith(said + "could not be verified by TLS")


def test_a_database_that_comes_up_is_waited_for(backend: str, twooter: Call, private_mariadb: Server) -> None:
    database = MysqlDatabase(private_mariadb.url, "late")
    private_mariadb.kill()
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(twooter, "migrate", "--wait-seconds", "80", TWOOTER_DATABASE_URL=database.url)
        wait_until(lambda: time.monotonic() > began + 3, seconds=10, what="a while without a database")
        assert not waiting.done()
        private_mariadb.restart()
        done = waiting.result(100)
    assert (done.returncode, done.stdout) == (0, b"The schema is up to date.\n")


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_schema_newer_than_the_code_is_left_alone(
    backend: str, twooter: Call, mariadb_database: MysqlDatabase, arguments: list[str]
) -> None:
    """Rolling back runs the older version's job on the newer version's schema."""
    url = mariadb_database.fresh()
    with mariadb_database._cursor() as cursor:
        cursor.execute(
            f"INSERT INTO `{mariadb_database.name}`.schema_migrations (name, applied) VALUES ('9999_next', NOW())"  # noqa: S608 - our own name
        )
        done = twooter("migrate", *arguments, TWOOTER_DATABASE_URL=url)
        assert (done.returncode, done.stdout) == (0, b"The schema is up to date.\n")
        cursor.execute(f"SELECT COUNT(*) FROM `{mariadb_database.name}`.schema_migrations")  # noqa: S608 - as above
        assert cursor.fetchall() != ((0,),)
