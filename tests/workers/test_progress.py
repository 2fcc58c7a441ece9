"""Progress of a worker: stuck only while the broker is there, for a restart brings no broker back."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from workers import progress as module
from workers.progress import STUCK_SECONDS, Progress


class Clock:
    """Takes the place of the time module."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Connection:
    """What a consumer has of a connection."""

    connected: bool = True


@dataclass
class Consumer:
    """What is asked of Celery's consumer: its timer, and its connection."""

    connection: Connection | None = field(default_factory=Connection)
    ticks: list[Callable[[], None]] = field(default_factory=list)

    @property
    def timer(self) -> "Consumer":
        """Return the timer."""
        return self

    def call_repeatedly(self, _seconds: float, tick: Callable[[], None]) -> "Consumer":
        """Remember what is to be called."""
        self.ticks.append(tick)
        return self

    def cancel(self) -> None:
        """Call it no more."""
        self.ticks.pop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that progress goes by."""
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_loop_that_turns_is_not_stuck(clock: Clock) -> None:
    progress, consumer = Progress(), Consumer()
    progress.watch(consumer)
    for _ in range(100):
        clock.now += STUCK_SECONDS / 2
        consumer.ticks[0]()
        assert progress.stuck() is None


def test_a_loop_that_stands_still_beside_its_broker_is_stuck(clock: Clock) -> None:
    progress, consumer = Progress(), Consumer()
    progress.watch(consumer)
    clock.now += STUCK_SECONDS
    assert progress.stuck() is None
    clock.now += 1
    assert "has not turned" in str(progress.stuck())
    consumer.ticks[0]()
    assert progress.stuck() is None


def test_without_a_broker_it_is_disconnected_and_not_stuck(clock: Clock) -> None:
    progress, consumer = Progress(), Consumer()
    progress.watch(consumer)
    for connection in (Connection(connected=False), None):
        consumer.connection = connection
        clock.now += 100 * STUCK_SECONDS
        assert progress.stuck() is None
        assert "not connected" in str(progress.disconnected())
    consumer.connection = Connection()
    assert progress.disconnected() is None


def test_a_new_connection_has_a_minute_of_its_own(clock: Clock) -> None:
    progress, consumer = Progress(), Consumer()
    progress.watch(consumer)
    consumer.connection = None
    clock.now += 100 * STUCK_SECONDS
    consumer.connection = Connection()
    assert progress.stuck() is None
    clock.now += STUCK_SECONDS + 1
    assert "has not turned" in str(progress.stuck())


def test_before_it_consumes_it_is_disconnected(clock: Clock) -> None:
    clock.now += 100 * STUCK_SECONDS
    progress = Progress()
    assert "not connected" in str(progress.disconnected())
    assert progress.stuck() is None
