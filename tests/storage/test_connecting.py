"""Connecting: URLs, and TLS modes that verify what they say, against a real server."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.crowds import at_once
from tests.storage.certificates import Authority
from twooter.errors import Unavailable
from twooter.settings import Settings, Tls
from twooter.storage.connecting import tls_options
from twooter.storage.database import Storage


@dataclass(frozen=True)
class Endpoint:
    """A MariaDB with a certificate for 127.0.0.1; an authority that vouches for it, and one that does not."""

    port: int
    right: Path
    wrong: Path


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, mariadb_data: Path) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("tls")
    right, wrong = Authority.found(folder, "right"), Authority.found(folder, "wrong")
    certificate, key = right.vouch(folder, "127.0.0.1")
    options = ("--ssl", f"--ssl-cert={certificate}", f"--ssl-key={key}")
    with servers.mariadb(*options, begin_with=mariadb_data) as server:
        yield Endpoint(server.port, right.file, wrong.file)


def cipher(port: int, tls: Tls, ca: Path | None = None, *, host: str = "127.0.0.1") -> str:
    """Connect, and return the cipher of the connection: empty when it is not encrypted."""
    url = f"mysql://{servers.USER}:{servers.PASSWORD}@{host}:{port}/mysql"
    storage = Storage.open(
        Settings.model_validate({"database_url": url, "database_tls": tls, "database_tls_ca": ca})
    )
    try:
        with storage.calm():
            row = storage.database.execute_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'").fetchone()
        return str(row[1])
    finally:
        storage.close()


def refused(port: int, tls: Tls, ca: Path | None = None, *, host: str = "127.0.0.1") -> bool:
    try:
        cipher(port, tls, ca, host=host)
    except Unavailable:
        return True
    return False


def test_disabled_and_loopback_speak_plainly(endpoint: Endpoint) -> None:
    assert cipher(endpoint.port, "disabled") == ""
    assert cipher(endpoint.port, "auto") == ""


def test_preferred_encrypts_where_the_server_can(endpoint: Endpoint, mariadb_server_url: str) -> None:
    assert cipher(endpoint.port, "preferred")
    assert cipher(int(mariadb_server_url.rpartition(":")[2].strip("/")), "preferred") == ""


def test_required_encrypts_or_refuses_and_asks_nobody_who_the_server_is(
    endpoint: Endpoint, mariadb_server_url: str
) -> None:
    assert cipher(endpoint.port, "required")
    assert cipher(endpoint.port, "required", endpoint.wrong, host="localhost")
    assert refused(int(mariadb_server_url.rpartition(":")[2].strip("/")), "required")


def test_verify_ca_wants_the_authority_but_not_the_host(endpoint: Endpoint) -> None:
    assert cipher(endpoint.port, "verify-ca", endpoint.right)
    assert cipher(endpoint.port, "verify-ca", endpoint.right, host="localhost")
    assert refused(endpoint.port, "verify-ca", endpoint.wrong)
    assert refused(endpoint.port, "verify-ca")  # the system's authorities do not know ours


def test_verify_identity_wants_the_authority_and_the_host(endpoint: Endpoint) -> None:
    assert cipher(endpoint.port, "verify-identity", endpoint.right)
    assert refused(endpoint.port, "verify-identity", endpoint.right, host="localhost")
    assert refused(endpoint.port, "verify-identity", endpoint.wrong)


@pytest.mark.parametrize(
    ("host", "local", "encrypted"),
    [("127.0.0.1", False, False), ("::1", False, False), ("localhost", False, False), ("/s", True, False),
     ("db.example", False, True), ("10.0.0.1", False, True)],
)  # fmt: skip
def test_auto_verifies_every_server_that_is_not_on_this_machine(
    host: str, local: bool, encrypted: bool  # noqa: FBT001 - a test's table
) -> None:  # fmt: skip
    options = tls_options(Settings(), host, local=local)
    if encrypted:
        assert options["ssl"].check_hostname
    else:
        assert options == {"ssl_disabled": True}


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "twooter", "http://127.0.0.1/"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with mysql://"):
        Storage.open(Settings.model_validate({"database_url": url}))


def test_a_password_may_hold_any_character(mariadb_server_url: str) -> None:
    admin = Storage.open(Settings.model_validate({"database_url": f"{mariadb_server_url}mysql"}))
    name = f"odd{os.getpid()}"
    try:
        admin.database.execute_sql(f"CREATE USER {name} IDENTIFIED BY 'p@:/?#%%25 w'")
        port = mariadb_server_url.rpartition(":")[2].strip("/")
        url = f"mysql://{name}:p%40%3A%2F%3F%23%2525%20w@127.0.0.1:{port}/information_schema"
        storage = Storage.open(Settings.model_validate({"database_url": url}))
        assert storage.database.execute_sql("SELECT CURRENT_USER()").fetchone()[0].startswith(name)
        storage.close()
    finally:
        admin.database.execute_sql(f"DROP USER {name}")
        admin.close()


def test_a_new_sqlite_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    for number in range(20):
        storage = Storage.open(Settings.model_validate({"database_url": f"sqlite:///{tmp_path}/{number}.db"}))
        answers = at_once(storage, [lambda: storage.read(lambda tx: tx.now_ms()) > 0] * 4)  # noqa: B023 - run at once
        assert answers == [True] * 4
