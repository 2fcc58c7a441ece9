"""Visitors: people who keep a Twooter of a test's own busy."""

import contextlib
import threading
from urllib.parse import urlsplit

import pymysql
import redis

from tests.faults.apps import App
from tests.faults.clients import Client
from tests.listeners import Listener


class Visitors:
    """People who do a bit of everything, again and again, while connections break now and then."""

    def __init__(self, app: App, database_url: str, cache_url: str, *, stream_port: int) -> None:
        self._client, self._database_url, self._cache_url = Client(app.port), database_url, cache_url
        self._stream_port = stream_port
        self._member, self._follower = self._client.sign_up("visitor"), self._client.sign_up("follower")
        self._client.call("PUT", f"/v1/accounts/{self._member.id}/follow", token=self._follower.token)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)
        self.rounds = 0

    def _come(self) -> None:
        while not self._stopping.wait(0.2):
            with contextlib.suppress(OSError, AssertionError):  # connections break now and then
                self._listen()
            self._write()
            self._read()
            if self.rounds % 10 == 9:
                self._break()
            self.rounds += 1

    def _listen(self) -> None:
        """Hear of one event as it happens."""
        with Listener(self._stream_port, "home,public", token=self._follower.token) as listener:
            listener.ready()
            text = {"text": f"Do you hear me, @follower? {self.rounds}"}
            self._client.call("POST", "/v1/twoots", text, token=self._member.token)
            listener.next()

    def _write(self) -> None:
        call, token = self._client.call, self._member.token
        call("POST", "/v1/twoots", {"text": f"Round {self.rounds} #metrics #öl"}, token=token)
        call(
            "POST",
            "/v1/reports",
            {"account_id": self._member.id, "reason": "spam"},
            token=self._follower.token,
        )
        call("POST", "/v1/tokens", {"username": "visitor", "password": "not this one at all"})
        call("POST", "/v1/accounts", {"username": "visitor", "email": "x@example.com", "password": "p" * 20})

    def _read(self) -> None:
        for path in (
            *("/v1/timelines/public", "/v1/timelines/tags/metrics", "/v1/trends", "/nothing/here"),
            *("/management/message-stats?start=2000&end=2100", "/v1/twoots/1"),
        ):
            self._client.call("GET", path)
        for path in ("/v1/timelines/home", "/v1/search?q=round"):
            self._client.call("GET", path, token=self._follower.token)

    def _break(self) -> None:
        """End the connections that Twooter has to its database and its cache; it may refuse a visitor for this."""
        with redis.Redis.from_url(self._cache_url, socket_timeout=5) as cache:
            cache.client_kill_filter(_type="normal", skipme=True)
        url = urlsplit(self._database_url)
        connection = pymysql.connect(
            host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or ""
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (url.path[1:],))
            for (number,) in cursor.fetchall():
                with contextlib.suppress(pymysql.err.OperationalError):  # it has ended by itself
                    cursor.execute("KILL CONNECTION %s", (number,))

    def __enter__(self) -> "Visitors":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(60)
