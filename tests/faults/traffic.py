"""Traffic: clients of every habit at once, none of which ever tries a request again."""

import json
import select
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from tests.faults.clients import Member
from tests.faults.loads import TAG
from tests.processes import wait_until


@dataclass(frozen=True)
class Habit:
    """How a client behaves: what it does, how long it thinks between requests, how long it keeps a connection."""

    writes: bool
    pause_seconds: float
    keeps: bool = True


BUSY_WRITER = Habit(writes=True, pause_seconds=0.03)
BUSY_READER = Habit(writes=False, pause_seconds=0.02)
NEWCOMER = Habit(writes=False, pause_seconds=0.03, keeps=False)
NEW_WRITER = Habit(writes=True, pause_seconds=0.05, keeps=False)
THINKER = Habit(writes=True, pause_seconds=1.0)
"""Slow, yet sooner than a stopping server closes what is kept."""
SLEEPER = Habit(writes=False, pause_seconds=4.0)
"""Finds its connection closed now and then, as pools of connections do, and looks before it uses one."""
ALL = (BUSY_WRITER, BUSY_WRITER, BUSY_READER, NEWCOMER, NEW_WRITER, THINKER, THINKER, SLEEPER, SLEEPER)


class Traffic:
    """Clients on one port until it is left; counts every answer and everything that was none."""

    def __init__(self, port: int, member: Member, habits: tuple[Habit, ...] = ALL) -> None:
        self._port, self._member = port, member
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[habit, n]) for n, habit in enumerate(habits)
        ]
        self.acknowledged: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.broken: list[tuple[Habit, str]] = []
        self.told_to_go: Counter[Habit] = Counter()
        """Answers that ended a kept connection, as a server that stops ends it."""

    def wait_for(self, count: int) -> None:
        """Wait until this many more requests were answered."""
        goal = self.statuses.total() + count
        wait_until(lambda: self.statuses.total() >= goal, seconds=120, what=f"{count} more answers")

    def _run(self, habit: Habit, number: int) -> None:
        connection = self._connect()
        count = 0
        while not self._stopping.wait(habit.pause_seconds):
            count += 1
            if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
                connection.close()  # closed by the server while nothing was asked
            try:
                stays = self._ask(connection, habit, f"#{TAG} {number}.{count}")
            except (OSError, HTTPException) as ex:
                self.broken.append((habit, f"{time.time():.3f} {ex!r}"))
                stays = False
            if not stays or not habit.keeps:
                connection.close()
        connection.close()

    def _connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._port, timeout=30)

    def _ask(self, connection: HTTPConnection, habit: Habit, text: str) -> bool:
        headers = {"Authorization": f"Bearer {self._member.token}"}
        if habit.writes:
            headers["Content-Type"] = "application/json"
            connection.request("POST", "/v1/twoots", json.dumps({"text": text}), headers)
        else:
            connection.request("GET", "/v1/timelines/public", headers=headers)
        response = connection.getresponse()
        body = response.read()
        self.statuses[response.status] += 1
        if response.status == 201:
            self.acknowledged.append(json.loads(body)["id"])
        if response.will_close and habit.keeps:
            self.told_to_go[habit] += 1
        return not response.will_close

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
