"""Load in small: clients that publish on kept connections, and what came back."""

import json
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException, HTTPResponse

from tests.faults.clients import Member
from tests.processes import wait_until

TAG = "load"
_PAUSE_SECONDS = 0.01


class Load:
    """Publishes twoots with the hashtag `TAG` from several clients at once until it is stopped.

    with Load(app.port, member) as load:
        load.wait_for(20)
    """

    def __init__(self, port: int, member: Member, *, clients: int = 3, until_told: bool = False) -> None:
        self._port, self._member = port, member
        self._until_told = until_told
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._publish, args=[n]) for n in range(clients)]
        self.acknowledged: list[str] = []
        """Ids of the twoots whose publishing was answered with 201."""
        self.statuses: Counter[int] = Counter()
        self.broken: list[str] = []
        """What was no answer: refused, reset, cut off."""
        self.careless: list[int] = []
        """Answers of 503 without Retry-After."""
        self.slowest_seconds = 0.0

    def wait_for(self, count: int, *, seconds: float = 60) -> None:
        """Wait until this many more twoots are acknowledged."""
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal, seconds=seconds, what=f"{count} more twoots")

    def wait_for_status(self, status: int, *, seconds: float = 60) -> None:
        """Wait until this status is answered once more."""
        goal = self.statuses[status] + 1
        wait_until(lambda: self.statuses[status] >= goal, seconds=seconds, what=f"a {status}")

    def forget_times(self) -> None:
        """Let `slowest_seconds` begin anew."""
        self.slowest_seconds = 0.0

    def join(self, *, seconds: float = 60) -> None:
        """Wait until every client has ended by itself: with `until_told`, when its connection is to be closed."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a client was never told to close its connection"

    def _publish(self, number: int) -> None:
        connection = self._connect()
        count = 0
        while not self._stopping.wait(_PAUSE_SECONDS):
            count += 1
            began = time.monotonic()
            try:
                response = self._send(connection, f"#{TAG} {number}.{count}")
            except (OSError, HTTPException) as ex:
                self.broken.append(repr(ex))
                connection.close()
                if self._until_told:
                    return
                connection = self._connect()
                continue
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
            if response.will_close:
                connection.close()
                if self._until_told:
                    return
        connection.close()

    def _connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._port, timeout=30)

    def _send(self, connection: HTTPConnection, text: str) -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._member.token}"}
        connection.request("POST", "/v1/twoots", json.dumps({"text": text}), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status == 201:
            self.acknowledged.append(json.loads(body)["id"])
        elif response.status == 503 and response.headers["Retry-After"] is None:
            self.careless.append(response.status)
        self.statuses[response.status] += 1
        return response

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
