"""The open loop counts from when a request was due, says how late it was itself, and gives up in bounded time."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random

import pytest

from bench import arrivals, generator
from bench.arrivals import Arrival, Outcome, percentile
from bench.searching import PRECISION, Probe, Search

STALLED = 20
"""Requests before the server stands still."""


class Answering:
    """A server that answers each request with a body, and before one of them waits to be let go on."""

    def __init__(self, *, head: bytes, stalls_at: int | None = None) -> None:
        self._answer = head + b"\r\nContent-Length: 5\r\n\r\nhello"
        self._stalls_at = stalls_at
        self._lock, self._served = threading.Lock(), 0
        self.stalled, self.may_go_on = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                with self._lock:  # one at a time: who comes later waits for who stalls
                    if self._served == self._stalls_at:
                        self.stalled.set()
                        self.may_go_on.wait(20)
                    self._served += 1
                    connection.sendall(self._answer)

    def close(self) -> None:
        self.may_go_on.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def _answering(head: bytes = b"HTTP/1.1 200 OK", stalls_at: int | None = None) -> Iterator[Answering]:
    server = Answering(head=head, stalls_at=stalls_at)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def _sending(port: int, due: list[Arrival], connections: int) -> Iterator[subprocess.Popen[str]]:
    task = arrivals.task(port, due, connections=connections, gives_up=True)
    command = [sys.executable, "-m", "bench.arrivals"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(task)
        process.stdin.flush()
        assert process.stdout.readline() == "connected\n"
        yield process


def _run(port: int, due: list[Arrival], connections: int = 2) -> Outcome:
    with _sending(port, due, connections) as process:
        answer, _ = process.communicate("go\n", timeout=60)
    return arrivals.outcome(answer)


def _every(seconds: float, count: int) -> list[Arrival]:
    asked = generator.request("GET", "/", {})
    return [Arrival(number * seconds, "read", asked) for number in range(count)]


def test_requests_that_could_not_leave_count_from_when_they_were_due() -> None:
    due = _every(0.01, 100)
    with _answering(stalls_at=STALLED) as server, _sending(server.port, due, 2) as process:
        threading.Thread(target=_let_go_on, args=(server, 0.5), daemon=True).start()
        answer, _ = process.communicate("go\n", timeout=60)
    outcome = arrivals.outcome(answer)
    late = [ms for ms in outcome.latencies_ms["read"] if ms > 100]
    # two connections were stuck, but all that was due in half a second is late: 40 of what a closed loop calls two
    assert len(late) >= 35
    assert outcome.latency_ms(99) > 400
    assert len(outcome.lags_ms) == 100


def _let_go_on(server: Answering, seconds: float) -> None:
    server.stalled.wait(20)
    threading.Event().wait(seconds)
    server.may_go_on.set()


def test_a_server_that_stands_still_is_given_up() -> None:
    due = _every(0.05, 200)
    with _answering(stalls_at=STALLED) as server, _sending(server.port, due, 1) as process:
        threading.Thread(target=_let_go_on, args=(server, arrivals.GIVE_UP_SECONDS + 1), daemon=True).start()
        answer, _ = process.communicate("go\n", timeout=60)
    assert arrivals.outcome(answer).gave_up
    assert Probe(20, arrivals.outcome(answer)).p99_ms == float("inf")


def test_what_is_refused_is_told_and_ends_it() -> None:
    with _answering(b"HTTP/1.1 503 Service Unavailable") as server:
        outcome = _run(server.port, _every(0.01, 50))
    assert outcome.gave_up
    assert outcome.refused[0].startswith("HTTP/1.1 503")


def test_kinds_are_told_apart() -> None:
    body = {"text": "Grüße 🌧"}
    posted = generator.request("POST", "/v1/twoots", {"Authorization": "Bearer x"}, body)
    assert int(posted.partition("Content-Length: ")[2].partition("\r")[0]) == len(
        posted.partition("\r\n\r\n")[2]
    )
    with _answering() as server:
        outcome = _run(server.port, [*_every(0.001, 5), Arrival(0.01, "publish", posted)])
    assert {kind: len(ms) for kind, ms in outcome.latencies_ms.items()} == {"read": 5, "publish": 1}
    assert not outcome.refused


def test_arrivals_are_as_many_as_asked_for_and_independent() -> None:
    due = arrivals.poisson(Random(1), 200, 50)
    assert due == arrivals.poisson(Random(1), 200, 50)
    assert due == sorted(due)
    assert len(due) == pytest.approx(10_000, rel=0.05)
    gaps = [after - before for before, after in pairwise(due)]
    # of gaps without memory the standard deviation is as long as their mean
    mean = sum(gaps) / len(gaps)
    assert (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 == pytest.approx(mean, rel=0.1)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile(range(1, 101), 50) == 50
    assert percentile([7.0], 99) == 7.0


@pytest.mark.parametrize("capacity", [35, 100, 333, 480, 2_000])
@pytest.mark.parametrize(("first", "factor"), [(100, 2), (400, 1.25)])
def test_the_search_finds_the_rate_in_few_tries(capacity: float, first: float, factor: float) -> None:
    def probe(rate: float) -> Probe:
        return Probe(rate, Outcome({"read": [10.0 if rate <= capacity else 1000.0]}, [0.1]))

    search = Search("a machine without chance", probe)
    found = search.highest(first, factor=factor)
    assert found <= capacity < found * PRECISION
    assert len(search.probes) <= 20


def test_nothing_is_held_where_everything_is_late() -> None:
    search = Search("late", lambda rate: Probe(rate, Outcome({"read": [1000.0]}, [0.1])))
    assert search.highest(100, factor=2) == 0.0


def test_near_the_bound_two_of_three_tries_decide() -> None:
    answers = iter([60.0, 40.0, 40.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0])
    search = Search("chance", lambda rate: Probe(rate, Outcome({"read": [next(answers)]}, [0.1])))
    assert search.highest(100, factor=2) == 100
