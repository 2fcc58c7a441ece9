"""Every part of Twooter runs from the one image, chosen by arguments, on a read-only root."""

import json
import os
import signal
import subprocess

import pytest

from tests import servers
from tests.image.containers import Image, status
from tests.processes import Server, free_port, wait_until

DATABASE = {"TWOOTER_ENV": "laptop", "TWOOTER_DATABASE_URL": "sqlite:////srv/data/image.sqlite3"}
"""SQLite stands for the database, which is a laptop's convenience."""


@pytest.mark.parametrize(
    "part",
    [
        *("twooter serve", "twooter relay", "twooter exporter", "twooter probe", "twooter migrate"),
        *("workers worker", "workers beat"),
    ],
)
def test_arguments_choose_the_part(image: Image, part: str) -> None:
    answer = image.run(*part.split(), "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"Usage: python -m {part}")


def test_without_arguments_it_explains_itself(image: Image) -> None:
    answer = image.run(*image.config["Cmd"])
    assert answer.returncode == 0
    assert "migrate" in answer.stdout


def test_a_container_that_is_told_nothing_does_not_start(image: Image) -> None:
    answer = image.run("twooter", "serve")
    assert answer.returncode == 1
    assert "TWOOTER_DATABASE_URL, TWOOTER_BROKER_URL, TWOOTER_SECRET_KEYS" in answer.stderr


def test_config_shows_what_the_image_sets(image: Image) -> None:
    answer = image.run("twooter", "config", TWOOTER_ENV="laptop")
    shown = {line.split()[0]: line.split()[1:] for line in answer.stdout.splitlines()}
    assert shown["TWOOTER_METRICS_PORT"] == ["9000", "environment"]
    assert shown["TWOOTER_HOST"] == ["0.0.0.0", "environment"]  # noqa: S104 - a container's own network


def test_all_parts_work_together(image: Image) -> None:
    """A message posted at the API is counted by the worker, to which the relay sent it."""
    assert image.run("twooter", "migrate", "--check", **DATABASE).returncode == 1
    assert image.run("twooter", "migrate", **DATABASE).returncode == 0
    assert image.run("twooter", "migrate", "--check", **DATABASE).returncode == 0
    with servers.started(servers.redis) as redis:
        environment = {**DATABASE, "TWOOTER_BROKER_URL": redis.url}
        parts = [
            image.server("twooter", "serve", port=free_port(), environment=environment),
            image.server("twooter", "relay", environment=environment),
            image.server("workers", "worker", environment=environment),
        ]
        try:
            for part in parts:
                part.start()
            assert status(parts[0].url + "/healthz") == 200
            _post(parts[0].port)
            wait_until(lambda: _counted(parts[0].port) == 1, seconds=30, what="the count of the message")
            for part in parts[:2]:
                _end(part)
            parts[2].kill()  # an idle one takes its 20 s to leave, for the tasks that it holds
        finally:
            for part in parts:
                part.stop()


def _post(port: int) -> None:
    body = json.dumps({"text": "from a read-only root", "tag": "image"})
    answer = _curl(port, "/messages", "--header", "Content-Type: application/json", "--data", body)
    assert "Posted new message" in answer, answer


def _counted(port: int) -> int:
    stats = json.loads(_curl(port, "/management/message-stats?start=2000&end=2100"))
    return sum(tags.get("image", 0) for tags in stats.values())


def _curl(port: int, path: str, *options: str) -> str:
    command = ["curl", "--silent", "--max-time", "10", *options, f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _end(part: Server) -> None:
    """What a pod's end sends reaches the process itself, which is no shell."""
    os.kill(part.pid, signal.SIGTERM)
    wait_until(lambda: not part.running(), seconds=25, what=f"the end of {part.name}")
