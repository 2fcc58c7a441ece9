"""The servers under load: durable MariaDB, Redis, the API as production runs it, relay and worker, hello world."""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import bulk
from tests import servers as test_servers
from tests.databases import migrate_url
from tests.processes import Server, free_port, private_folder, wait_until

ROOT = Path(__file__).parents[1]
WORKERS, THREADS = 2, 8
_PYTHONPATH = f"{ROOT / 'bench' / 'production'}:{ROOT}"
SERVE, RELAY = ("-m", "twooter", "serve"), ("-m", "twooter", "relay")
STREAM = ("-m", "twooter", "stream")
WORK = ("-m", "workers", "worker", "--concurrency", "1")
SECRET = "bench-secret-of-at-least-thirty-two-bytes"
_DURABLE = [
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
    "--innodb-flush-method=O_DIRECT",
    "--innodb-buffer-pool-size=1G",
    "--innodb-log-file-size=512M",
]
_WITHOUT_LIMITS = {
    f"TWOOTER_LIMIT_{name}": "1000000000/minute"
    for name in (
        *("REGISTRATIONS", "SIGN_INS", "SIGN_INS_NETWORK", "MAILS", "TWOOTS", "ANONYMOUS_MESSAGES"),
        *("FOLLOWS", "ACTIONS"),
    )
}


@dataclass(frozen=True)
class Backend:
    """A database server and a Redis."""

    mariadb: Server
    redis: Server

    def database(self, name: str) -> str:
        """Make a migrated database and return its URL."""
        with bulk.connected(self.mariadb.url, database=False) as connection:
            connection.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        migrate_url(self.mariadb.url + name)
        return self.mariadb.url + name

    def settings(self, database_url: str, *, slot: int) -> dict[str, str]:
        """Return the environment of Twooter's processes on that database; `slot` picks its part of Redis."""
        redis_url = self.redis.url.rpartition("/")[0]
        return {
            "TWOOTER_ENV": "production",
            "TWOOTER_DATABASE_URL": database_url,
            "TWOOTER_BROKER_URL": f"{redis_url}/{2 * slot}",
            "TWOOTER_CACHE_URL": f"{redis_url}/{2 * slot + 1}",
            "TWOOTER_SECRET_KEYS": SECRET,
            "TWOOTER_MAIL": "folder",
            "TWOOTER_ANONYMOUS_MESSAGES": "true",
            **_WITHOUT_LIMITS,
        }


@contextlib.contextmanager
def backend() -> Iterator[Backend]:
    """Start the database server, durable as in production, and Redis."""
    with test_servers.mariadb() as mariadb, test_servers.redis() as redis:
        mariadb.kill()
        mariadb.command.extend(_DURABLE)  # of an option given twice the last counts
        mariadb.restart()
        yield Backend(mariadb, redis)


def hello() -> Server:
    """Start the ceiling."""
    port = free_port()
    options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS), "--keep-alive", "75"]
    options += ["--no-control-socket", "--worker-tmp-dir", "/dev/shm", "-b", f"127.0.0.1:{port}"]  # noqa: S108 - gunicorn's heartbeat files
    return _web("hello", port, [sys.executable, "-m", "gunicorn", *options, "bench.ceiling:app"], {}, "/")


def api(settings: Mapping[str, str]) -> Server:
    """Start the API; returns when it is ready."""
    port = free_port()
    environment = {
        **settings,
        "TWOOTER_PORT": str(port),
        "TWOOTER_METRICS_PORT": str(free_port()),
        "TWOOTER_WORKERS": str(WORKERS),
        "TWOOTER_THREADS": str(THREADS),
    }
    return _web("api", port, [sys.executable, *SERVE], environment, "/v1/timelines/public")


def relay(settings: Mapping[str, str]) -> Server:
    """Start a relay."""
    return _background("relay", [sys.executable, *RELAY], settings)


def worker(settings: Mapping[str, str]) -> Server:
    """Start a Celery worker of one process."""
    return _background("worker", [sys.executable, *WORK], settings)


def stream(settings: Mapping[str, str]) -> Server:
    """Start live updates, on the port that the server names."""
    port = free_port()
    server = _background("stream", [sys.executable, *STREAM], {**settings, "TWOOTER_STREAM_PORT": str(port)})
    server.port = port
    return server


def empty(database_url: str) -> bool:
    """Tell whether every event has reached every consumer."""
    with bulk.connected(database_url) as connection:
        waiting = (
            "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM deliveries WHERE state = 'pending')"
        )
        return bool(bulk.value(connection, waiting) == 0)


def await_empty(database_url: str, *, seconds: float = 120) -> None:
    """Return when every event has reached every consumer.

    Raises: TimeoutError.
    """
    wait_until(lambda: empty(database_url), seconds=seconds, what="an empty queue")


def _web(name: str, port: int, command: list[str], environment: Mapping[str, str], path: str) -> Server:
    url = f"http://127.0.0.1:{port}"
    return Server(
        name=name,
        command=command,
        folder=private_folder(f"bench-{name}"),
        port=port,
        url=url,
        answers=lambda: _answers(url + path),
        environment={**environment, "PYTHONPATH": _PYTHONPATH},
        ready_seconds=20,
    ).start()


def _background(name: str, command: list[str], settings: Mapping[str, str]) -> Server:
    """Start a process that listens on its metrics port only; it is ready when that answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    return Server(
        name=name,
        command=command,
        folder=private_folder(f"bench-{name}"),
        port=port,
        url=url,
        answers=lambda: _answers(f"{url}/readyz"),
        environment={**settings, "TWOOTER_METRICS_PORT": str(port), "PYTHONPATH": _PYTHONPATH},
        ready_seconds=30,
    ).start()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def without_settings() -> None:
    """Forget what the shell set, also that modules are compiled anew at each start: no figure depends on it."""
    for name in [name for name in os.environ if name.startswith("TWOOTER_")]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
