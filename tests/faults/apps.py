"""Twooter as it really runs: web server, relay, worker and beat as processes of a test's own, on free ports."""

import contextlib
import os
import signal
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from weakref import WeakSet

import psutil

from tests.processes import Server, free_port, private_folder, wait_until

ROOT = Path(__file__).parents[2]
SECRET = "faults-secret-of-at-least-thirty-two-bytes"
COMMANDS = {
    "embedded": ("-m", "gunicorn", "-c", "python:workers.embedded"),
    "api": ("-m", "gunicorn", "-c", "python:twooter.gunicorn_conf"),
    "relay": ("-m", "twooter", "relay"),
    "worker": ("-m", "workers", "worker", "--concurrency", "1"),
    "beat": ("-m", "workers", "beat"),
    "exporter": ("-m", "twooter", "exporter"),
    "stream": ("-m", "twooter", "stream"),
}
SHAPE = ("api", "relay", "worker")
_WITHOUT_LIMITS = {
    f"TWOOTER_LIMIT_{name}": "1000000/minute"
    for name in (
        "REGISTRATIONS",
        "SIGN_INS",
        "SIGN_INS_NETWORK",
        "SIGN_INS_STRANGERS",
        "MAILS",
        "TWOOTS",
        "ANONYMOUS_MESSAGES",
        "FOLLOWS",
        "ACTIONS",
        "EXPORTS",
        "IMPORTS",
    )
}


class App:
    """Named processes with one environment; a part is a key of `COMMANDS`, with a number after it for the second one.

        with App.production(database_url, redis_url, parts=("api", "relay", "relay2", "worker")) as app:
            app.parts["worker"].kill()
            app.restart("worker")

    The database is migrated already. Each part is a `Server`: freeze, thaw, kill and running are asked there.
    """

    def __init__(
        self,
        parts: Iterable[str],
        settings: Mapping[str, str],
        commands: Mapping[str, Sequence[str]] = COMMANDS,
    ) -> None:
        self._names, self._settings, self._commands = tuple(parts), dict(settings), commands
        self.parts: dict[str, Server] = {}
        self.promoted: set[int] = set()
        self._written: list[str] = []
        started.add(self)

    def promote(self, account_id: str, role: str) -> None:
        """Give an account of the one process's database a role."""
        with closing(sqlite3.connect(self.database_path, timeout=10)) as database, database:
            database.execute("UPDATE accounts SET role = ? WHERE id = ?", (role, int(account_id)))
        self.promoted.add(int(account_id))

    @classmethod
    def embedded(cls, database_url: str, **settings: str) -> "App":
        """Return the one process of a laptop; settings are TWOOTER_* variables without limits, unless given."""
        given = {
            "TWOOTER_DATABASE_URL": database_url,
            "TWOOTER_STREAM_PORT": "0",
            **_WITHOUT_LIMITS,
            **settings,
        }
        return cls(["embedded"], given)

    @classmethod
    def production(
        cls, database_url: str, redis_url: str, *, parts: Iterable[str] = SHAPE, **settings: str
    ) -> "App":
        """Return the shape of production: two web processes of four threads, relay and worker; limits as above."""
        return cls(
            parts,
            {
                "TWOOTER_ENV": "production",
                "TWOOTER_DATABASE_URL": database_url,
                "TWOOTER_BROKER_URL": redis_url,
                "TWOOTER_SECRET_KEYS": SECRET,
                "TWOOTER_MAIL": "folder",
                "TWOOTER_REQUIRE_CONFIRMED_EMAIL": "false",
                "TWOOTER_WORKERS": "2",
                "TWOOTER_THREADS": "4",
                **_WITHOUT_LIMITS,
                **settings,
            },
        )

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the variables that every part is given."""
        return self._settings

    @property
    def server(self) -> Server:
        """Return the web server."""
        return self.parts[self._names[0]]

    @property
    def port(self) -> int:
        """Return the web server's port."""
        return self.server.port

    @property
    def url(self) -> str:
        """Return the web server's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ops_url(self) -> str:
        """Return where the web server answers /healthz, /readyz and /metrics."""
        return self.server.url

    @property
    def database_path(self) -> str:
        """Return the file of an SQLite database, for what time alone would bring about."""
        return self._settings["TWOOTER_DATABASE_URL"].removeprefix("sqlite:///")

    @property
    def var_dirs(self) -> list[Path]:
        """Return each part's `var`, where mails and the signing key of a laptop are written."""
        return [server.folder / "var" for server in self.parts.values()]

    def start(self) -> "App":
        """Start every part, all at once, and return when each is ready."""
        with ThreadPoolExecutor(len(self._names)) as pool:
            futures = {name: pool.submit(self._start, name) for name in self._names}
        for name, future in futures.items():
            if future.exception() is None:
                self.parts[name] = future.result()
        for future in futures.values():
            if future.exception() is not None:
                self.stop()
                future.result()
        return self

    def add(self, name: str) -> Server:
        """Start one more part."""
        self.parts[name] = self._start(name)
        return self.parts[name]

    def restart(self, name: str) -> None:
        """Kill a part if it runs, and start it again on the same port and in the same folder."""
        self.parts[name].restart()

    def terminate(self, name: str, *, seconds: float = 30) -> None:
        """Ask a part's first process to end (SIGTERM, as Kubernetes does) and return when all of it is gone.

        Raises: TimeoutError.
        """
        pids = self.pids(name)
        os.kill(self.parts[name].pid, signal.SIGTERM)
        wait_until(lambda: not any(map(runs, pids)), seconds=seconds, what=f"the end of {name}")

    def pids(self, name: str) -> list[int]:
        """Return a part's processes: the first one, then its children (gunicorn's workers, Celery's pool)."""
        first = psutil.Process(self.parts[name].pid)
        return [first.pid, *(child.pid for child in first.children(recursive=True))]

    def logs(self) -> str:
        """Return all that every part wrote so far, also of parts that were stopped."""
        return "\n".join([*self._written, *(server.log() for server in self.parts.values())])

    def stop(self) -> None:
        """Stop every part and remove their folders; `logs` still answers. May be called again."""
        servers = [self.parts[name] for name in reversed(self.parts)]
        for server in servers:
            if server.running():
                os.kill(server.pid, signal.SIGTERM)
        for server in servers:
            with contextlib.suppress(TimeoutError):
                wait_until(lambda server=server: not server.running(), seconds=15, what="its end")  # type: ignore[misc]  # a default binds the loop's variable
            self._written.append(server.log())
            server.stop()
        self.parts.clear()

    def _start(self, name: str) -> Server:
        return self._server(name).start()

    def _server(self, name: str) -> Server:
        command = [sys.executable, *self._commands[name.rstrip("0123456789")]]
        port, folder = free_port(), private_folder(f"faults-{name}")
        private = {
            "TWOOTER_VAR_DIR": str(folder / "var"),
            "TMPDIR": str(folder),
        }  # a killed part leaves nothing
        environment = {**private, **self._settings, "PYTHONPATH": str(ROOT)}
        ops = port
        if name != "embedded":
            ops = free_port()
            environment["TWOOTER_METRICS_PORT"] = str(ops)
        url = f"http://127.0.0.1:{ops}"
        return Server(
            name=name,
            command=command,
            folder=folder,
            port=port,
            url=url,
            answers=lambda: answers(f"{url}/readyz"),
            environment={**environment, "TWOOTER_PORT": str(port)},
        )

    def __enter__(self) -> "App":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


started: WeakSet[App] = WeakSet()
"""Those that somebody still has, whose logs tell more of a test that failed than what it waited for."""


def answers(url: str) -> bool:
    """Tell whether the address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def runs(pid: int) -> bool:
    """Tell whether a process is there, and not a mere entry that its parent has yet to read."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
