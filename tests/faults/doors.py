"""Doors: kept connections to each worker process of a web server, so that a test can ask all of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import psutil

from tests.faults.apps import App
from tests.processes import wait_until


class Door:
    """One kept connection, and the process at its other end."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.get("/")

    @property
    def own_port(self) -> int:
        """Return this end's port."""
        return int(self._connection.sock.getsockname()[1])

    def get(self, path: str, token: str | None = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        headers = {"Accept": "application/json"} | (
            {} if token is None else {"Authorization": f"Bearer {token}"}
        )
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def delete(self, path: str, token: str) -> int:
        """Delete, and return the status."""
        self._connection.request("DELETE", path, headers={"Authorization": f"Bearer {token}"})
        response = self._connection.getresponse()
        response.read()
        return response.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def doors(app: App) -> Iterator[list[Door]]:
    """Give a door to each worker process."""
    opened: list[Door] = []
    found: dict[int, Door] = {}
    workers = app.pids("api")[1:]

    def every_worker_has_one() -> bool:
        opened.append(Door(app.port))
        for pid in workers:
            for connection in psutil.Process(pid).net_connections("tcp4"):
                if connection.raddr[1:] == (opened[-1].own_port,):
                    found[pid] = opened[-1]
        return len(found) == len(workers)

    try:
        wait_until(every_worker_has_one, seconds=30, what="a connection to every worker")
        yield list(found.values())
    finally:
        for door in opened:
            door.close()
