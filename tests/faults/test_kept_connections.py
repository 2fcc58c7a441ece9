"""Kept connections, few and many: each is answered in turn, and none keeps a thread that another one needs."""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier

from tests.faults.clients import Client

THREADS = 8
REQUESTS = 25
_PATH = "/v1/timelines/public?limit=1"


def ask(connection: HTTPConnection) -> int:
    connection.request("GET", _PATH)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def kept(client: Client) -> HTTPConnection:
    """Return a connection that was answered once and stays open."""
    connection = HTTPConnection("127.0.0.1", client.port, timeout=30)
    assert ask(connection) == 200
    return connection


def test_more_busy_connections_than_threads_are_all_answered(client: Client) -> None:
    count = 3 * THREADS
    begun = Barrier(count)

    def busy(_: int) -> list[int]:
        connection = kept(client)
        begun.wait(30)
        answers = [ask(connection) for _ in range(REQUESTS)]
        connection.close()
        return answers

    with ThreadPoolExecutor(count) as pool:
        assert all(answers == [200] * REQUESTS for answers in pool.map(busy, range(count)))


def test_silent_connections_leave_their_threads_to_others_and_are_still_answered(client: Client) -> None:
    silent = [kept(client) for _ in range(2 * THREADS)]
    busy = kept(client)
    for connection in silent:
        assert ask(busy) == 200
        assert ask(connection) == 200
    for connection in (*silent, busy):
        connection.close()


def test_a_client_that_leaves_after_its_answer_leaves_nothing_behind(client: Client) -> None:
    for _ in range(3 * THREADS):
        kept(client).close()
    assert client.call("GET", _PATH).status == 200
