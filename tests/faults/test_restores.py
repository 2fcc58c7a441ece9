"""A database that is gone for good: a dump taken under load is restored on another server, and everything agrees."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import servers
from tests.databases import MysqlDatabase
from tests.faults.apps import ROOT, App
from tests.faults.clients import Client, Member
from tests.faults.loads import Load
from tests.faults.truths import Truth
from tests.processes import Server

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

NAME = "restored"
POSITION = re.compile(rb"MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)")


@dataclass(frozen=True)
class Disaster:
    """What is left of an instance whose database server died under load."""

    dump: bytes
    binlogs: Path
    dumped: list[str]
    """Twoots acknowledged before the dump began."""
    acknowledged: list[str]
    """Twoots acknowledged until the end."""
    member: Member
    lost: Server


@pytest.fixture
def disaster(redis_url: str, mariadb_data: Path) -> Iterator[Disaster]:
    """Dump a database while people write, let them go on, and lose its server; relay and worker died before."""
    with ExitStack() as stack:
        server = stack.enter_context(
            servers.mariadb("--log-bin=binlog", "--server-id=1", begin_with=mariadb_data)
        )
        url = MysqlDatabase(server.url, NAME).url
        app = stack.enter_context(App.production(url, redis_url, TWOOTER_RESEND_SECONDS="1"))
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member) as load:
            load.wait_for(20)
            app.parts["worker"].kill()
            load.wait_for(10)
            app.parts["relay"].kill()
            load.wait_for(10)
            dumped = list(load.acknowledged)
            dump = taken(server)
            load.wait_for(20)
        server.kill()
        yield Disaster(dump, server.folder / "data", dumped, list(load.acknowledged), member, server)


def taken(server: Server) -> bytes:
    """Return a dump as docs/operating.md takes it."""
    return called(
        "mariadb-dump", server, "--single-transaction", "--quick", "--hex-blob", "--master-data=2", NAME
    )


def called(program: str, server: Server, *arguments: str, given: bytes | None = None) -> bytes:
    """Run a client program of the database's against a server and return what it wrote."""
    url = urlsplit(server.url)
    where = [
        f"--host={url.hostname}",
        f"--port={url.port}",
        f"--user={servers.USER}",
        f"--password={servers.PASSWORD}",
    ]
    return subprocess.run(
        [servers.program(program), "--no-defaults", *where, *arguments],
        input=given,
        check=True,
        capture_output=True,
        timeout=120,
    ).stdout


def restore(server: Server, dump: bytes) -> str:
    """Bring a dump into an empty database of another server and return its URL."""
    called("mariadb-client", server, f"--execute=CREATE DATABASE `{NAME}` CHARACTER SET utf8mb4")
    called("mariadb-client", server, NAME, given=dump)
    return server.url + NAME


def replay(server: Server, disaster: Disaster) -> None:
    """Bring what happened after the dump into the restored database, from the lost server's binary logs."""
    position = POSITION.search(disaster.dump)
    assert position is not None
    first = position[1].decode()
    logs = sorted(
        str(path)
        for path in disaster.binlogs.glob("binlog.[0-9]*")
        if path.suffix.removeprefix(".").isdigit() and path.name >= first
    )
    options = ["--no-defaults", f"--start-position={int(position[2])}", f"--database={NAME}", *logs]
    said = subprocess.run(
        [servers.program("mariadb-binlog"), *options], check=True, capture_output=True, timeout=120
    ).stdout
    called("mariadb-client", server, given=said)


def audited(url: str) -> str:
    """Return what `python -m twooter audit` says of a database; it ends with 1 at any drift."""
    done = subprocess.run(
        [sys.executable, "-m", "twooter", "audit"],
        env={"TWOOTER_DATABASE_URL": url, "PATH": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_dump_taken_under_load_is_restored_with_zero_drift_and_goes_on(
    disaster: Disaster, private_mariadb: Server, redis_url: str
) -> None:
    url = restore(private_mariadb, disaster.dump)
    assert audited(url) == "No drift.\n"
    with Truth(url) as truth:
        there = truth.twoots()
        assert set(disaster.dumped) <= there
        assert truth.unsealed() > 0  # events that no relay had taken: they are in the dump, and wait for one
        leased = truth.count("SELECT COUNT(*) FROM node_leases WHERE until_ms > UNIX_TIMESTAMP() * 1000")
        assert leased > 0  # of processes that died with the server
        with App.production(url, redis_url, TWOOTER_RESEND_SECONDS="1") as app:
            token = Client(app.port).sign_in(disaster.member.username)
            with Load(app.port, Member(disaster.member.id, disaster.member.username, token)) as load:
                load.wait_for(20)
            assert min(map(int, load.acknowledged)) > max(map(int, there))
            truth.assert_exact(disaster.dumped + load.acknowledged)
    assert audited(url) == "No drift.\n"


def test_binary_logs_bring_back_what_was_acknowledged_after_the_dump(
    disaster: Disaster, private_mariadb: Server, redis_url: str
) -> None:
    url = restore(private_mariadb, disaster.dump)
    replay(private_mariadb, disaster)
    assert audited(url) == "No drift.\n"
    with (
        Truth(url) as truth,
        App.production(url, redis_url, parts=("api", "relay", "worker"), TWOOTER_RESEND_SECONDS="1"),
    ):
        assert len(disaster.acknowledged) > len(disaster.dumped)
        truth.assert_exact(disaster.acknowledged)
