"""The servers that tests start: they answer, freeze, come back on the same port, and never outlive their owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests import servers
from tests.processes import Server, ServerDidNotStart, free_port, private_folder, wait_until


def test_a_frozen_redis_stays_silent_until_it_is_thawed(private_redis: Server) -> None:
    client = redis.Redis.from_url(private_redis.url, socket_timeout=0.2, retry=None)
    private_redis.freeze()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    private_redis.thaw()
    assert client.ping()
    client.close()


def test_a_killed_mariadb_refuses_and_comes_back_on_the_same_url(private_mariadb: Server) -> None:
    url, first = private_mariadb.url, private_mariadb.pid
    private_mariadb.kill()
    assert not private_mariadb.answers()
    private_mariadb.restart()
    assert private_mariadb.answers()
    assert (private_mariadb.url, private_mariadb.pid != first) == (url, True)


def test_rabbitmq_answers_until_it_is_stopped(private_rabbitmq: Server) -> None:
    assert private_rabbitmq.answers()
    private_rabbitmq.stop()
    assert not private_rabbitmq.answers()


def test_stop_takes_the_process_and_its_folder_along() -> None:
    server = servers.started(servers.redis)
    server.stop()
    assert not server.running()
    assert not server.folder.exists()


def test_a_server_that_ends_at_once_is_reported_with_its_log() -> None:
    folder = private_folder("broken")
    server = Server(
        "broken", ["/bin/sh", "-c", "echo no such luck; exit 3"], folder, free_port(), "", lambda: False
    )
    with pytest.raises(ServerDidNotStart, match="no such luck"):
        server.start()
    assert not folder.exists()


def test_a_server_does_not_outlive_an_owner_that_was_killed() -> None:
    servers.started(servers.redis).stop()  # skips here where there is none
    root = Path(__file__).parents[1]
    script = "from tests import servers; s = servers.redis(); print(s.pid, s.folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not Path(folder).exists(), seconds=20, what="the folder's end")
    assert not Path(f"/proc/{pid}").exists()
