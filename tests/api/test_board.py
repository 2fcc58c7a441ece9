"""The board: what workers write, their parent reads, whatever becomes of either."""

import os
import time

import pytest

from twooter.api import board as module
from twooter.api.board import WEDGED_SECONDS, Board

STARTING, BUSY = "starting", "every thread is busy"


class Clock:
    """Takes the place of the time module."""

    now = 5000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that boards go by."""
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def ready(board: Board, slot: int = 0) -> Board:
    """Let a worker of this process take a slot, and be ready."""
    board.take(slot)
    board.set_ready()
    return board


def test_nobody_is_ready_before_a_worker_says_so() -> None:
    board = Board(2)
    assert STARTING in str(board.trouble([]))
    board.take(0)
    assert STARTING in str(board.trouble([0]))
    board.set_ready()
    assert board.trouble([0]) is None
    assert STARTING in str(board.trouble([1]))


def test_busy_threads_are_trouble_only_when_none_has_answered_for_a_while(clock: Clock) -> None:
    board = ready(Board(2))
    board.begin()
    board.begin()
    clock.now += WEDGED_SECONDS
    assert board.trouble([0]) is None
    clock.now += 1
    assert BUSY in str(board.trouble([0]))
    board.end()
    assert board.trouble([0]) is None
    board.begin()
    assert board.trouble([0]) is None
    clock.now += WEDGED_SECONDS + 1
    assert BUSY in str(board.trouble([0]))


def test_an_idle_server_is_never_wedged(clock: Clock) -> None:
    board = ready(Board(2))
    board.begin()
    clock.now += 100 * WEDGED_SECONDS
    assert board.trouble([0]) is None
    board.end()
    clock.now += 100 * WEDGED_SECONDS
    assert board.trouble([0]) is None


def in_a_child(work: object) -> None:
    """Run something in a forked child, and wait for its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]  # a function, whatever its types
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_one_worker_that_can_answer_is_enough() -> None:
    board = Board(1)
    start = time.monotonic() - WEDGED_SECONDS - 1

    def wedged() -> None:
        ready(board, 0)
        board._row[2] = start
        board.begin()

    in_a_child(wedged)
    assert BUSY in str(board.trouble([0]))
    assert BUSY in str(board.trouble([0, 1]))  # the other has not started yet
    in_a_child(lambda: ready(board, 1))
    assert board.trouble([0, 1]) is None


def test_a_worker_that_ended_is_forgotten_and_its_slot_begins_anew() -> None:
    board = Board(1)
    in_a_child(lambda: ready(board, 0).begin())
    assert board.trouble([0]) is None
    board.clear(0)
    assert STARTING in str(board.trouble([0]))
    in_a_child(lambda: board.take(0))
    assert STARTING in str(board.trouble([0]))
    in_a_child(lambda: ready(board, 0))
    assert board.trouble([0]) is None
