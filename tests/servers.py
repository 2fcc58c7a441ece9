"""Private MariaDB, Redis and RabbitMQ servers on free loopback ports, each in a folder of its own.

Each function starts one and returns its `Server`, which is a context manager too:

    with servers.redis() as server:
        cache = connect(server.url)
        server.freeze()

`MissingServer` is raised where the programs are not installed; `started` turns it into a skip or a failure.
"""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pymysql
import pytest

from tests.processes import Server, ServerDidNotStart, free_port, private_folder

USER, PASSWORD = "twooter", "twooter-test"
FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/libexec"
PROGRAMS = {
    "mariadb-server": ["mariadbd"],
    "mariadb-client": ["mariadb"],  # this and the next two take dumps and bring them back
    "mariadb-dump": ["mariadb-dump"],
    "mariadb-binlog": ["mariadb-binlog"],
    "redis-server": ["redis-server"],
    # the one in PATH is Debian's wrapper, which turns itself into another user
    "rabbitmq-server": ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"],
    "nginx-light": ["nginx"],
    "curl": ["curl"],  # with which README's tour goes
    "prometheus": ["prometheus"],
    "promtool": ["promtool"],  # of the same package
}
T = TypeVar("T")


class MissingServer(Exception):
    """The programs of this server are not on this machine; the message names what to install."""


def program(package: str) -> str:
    """Return the path of the program that this Debian package installs.

    Raises:
        MissingServer: it is not here.
    """
    for name in PROGRAMS[package]:
        path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{FOLDERS}")
        if path:
            return path
    raise MissingServer(f"{PROGRAMS[package][0]} is not installed (package {package})")


def required() -> bool:
    """Tell whether REQUIRE_SERVICES forbids to skip what a missing server prevents."""
    return os.environ.get("REQUIRE_SERVICES", "") not in ("", "0")


def started(start: Callable[[], T]) -> T:
    """Return the server, or program; where it is missing, skip the test, or fail it if services are required."""
    try:
        return start()
    except MissingServer as ex:
        if required():
            pytest.fail(f"REQUIRE_SERVICES is set, but {ex}", pytrace=False)
        pytest.skip(str(ex))


def mariadb_data(data: Path) -> Path:
    """Make MariaDB's own tables in a folder, and return it: servers begin with a copy of it.

    Raises: MissingServer, ServerDidNotStart.
    """
    program("mariadb-server")
    command = [
        "mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={_user()}", "--skip-test-db",
        "--auth-root-authentication-method=normal", "--innodb-log-file-size=16M", f"--tmpdir={_scratch(data)}",
        # nothing is waited for that a disk under load would take its time for
        "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-flush-log-at-trx-commit=2",
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, timeout=120, text=True)
    if done.returncode != 0:
        raise ServerDidNotStart(f"mariadb-install-db: {(done.stdout + done.stderr)[-2000:]}")
    return data


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _scratch(data: Path) -> Path:
    """Make a folder beside the data: a server that starts removes all temporary tables of the folder it is given.

    In one that several share, they would take each other's away in the midst of a statement.
    """
    folder = data.with_name(f"{data.name}-scratch")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def mariadb(*options: str, owner_pid: int | None = None, begin_with: Path | None = None) -> Server:
    """Start MariaDB with a user who may create databases; the URL ends in `/`, to be followed by a name.

    It begins with what `mariadb_data` made, or with tables that are made now.
    """
    mariadbd = program("mariadb-server")
    folder, port = private_folder("mariadb"), free_port()
    data = folder / "data"
    if begin_with is None:
        mariadb_data(data)
    else:
        shutil.copytree(begin_with, data)
    (folder / "init.sql").write_text(
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
    command = [
        mariadbd, "--no-defaults", f"--user={_user()}", f"--datadir={data}", f"--port={port}",
        "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--init-file={folder}/init.sql",
        f"--pid-file={folder}/pid", f"--tmpdir={_scratch(data)}", "--skip-name-resolve", "--skip-log-bin",
        "--skip-ssl", "--character-set-server=utf8mb4", "--default-time-zone=+00:00", "--max-connections=300",
        "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M",
        # Survive the death of the process (fault tests rely on it), not a power cut: written at commit, never synced.
        "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0", "--innodb-flush-method=nosync",
        "--performance-schema=OFF", "--innodb-buffer-pool-dump-at-shutdown=OFF", *options,
    ]  # fmt: skip
    return Server(
        name="mariadb",
        command=command,
        folder=folder,
        port=port,
        url=f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/",
        answers=lambda: _mysql_answers(port),
        owner_pid=owner_pid or os.getpid(),
    ).start()


def redis() -> Server:
    """Start Redis that keeps nothing on disk; the URL names database 0."""
    executable = program("redis-server")
    folder, port = private_folder("redis"), free_port()
    command = [
        executable, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--save", "", "--appendonly", "no", "--daemonize", "no", "--databases", "16",
        "--zset-max-listpack-entries", "1024",  # as operators are told to: home timelines stay compact
    ]  # fmt: skip
    return Server(
        name="redis",
        command=command,
        folder=folder,
        port=port,
        url=f"redis://127.0.0.1:{port}/0",
        answers=lambda: _says(port, b"PING\r\n", b"+PONG"),
    ).start()


def rabbitmq() -> Server:
    """Start RabbitMQ without plugins, with an Erlang port mapper of its own; guest may do everything."""
    script = program("rabbitmq-server")
    folder, port = private_folder("rabbitmq"), free_port()
    mapper_port, dist_port = free_port(), free_port()
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nvm_memory_high_watermark.absolute = 512MB\n"
        "disk_free_limit.absolute = 50MB\nlog.file = false\nlog.console = true\nlog.console.level = warning\n"
    )
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"twooter{port}@localhost",
        "RABBITMQ_DIST_PORT": str(dist_port),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        # one scheduler that sleeps when idle: the node shares two cores with the tests
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }
    # epmd runs in the server's own process group: whoever ends that group ends both
    shell = 'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0"'
    return Server(
        name="rabbitmq",
        command=["/bin/sh", "-c", shell, script],
        folder=folder,
        port=port,
        url=f"amqp://guest:guest@127.0.0.1:{port}//",
        answers=lambda: _says(port, b"AMQP\x00\x00\x09\x01", b"\x01"),
        environment=environment,
        ready_seconds=120,
    ).start()


def _mysql_answers(port: int) -> bool:
    try:
        pymysql.connect(host="127.0.0.1", port=port, user=USER, password=PASSWORD, connect_timeout=2).close()
    except pymysql.MySQLError:
        return False
    return True


def _says(port: int, question: bytes, answer: bytes) -> bool:
    """Tell whether the server on that port answers these bytes with those."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(question)
            return connection.recv(64).startswith(answer)
    except OSError:
        return False
