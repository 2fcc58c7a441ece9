"""The server of live updates: lets listeners in, keeps them awake, looks after them, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson

from twooter.api.doorway import REQUEST_ID, SECURITY_HEADERS
from twooter.api.errors import STATUSES, document
from twooter.api.fragments import Fragments
from twooter.api.live import frames, heads
from twooter.api.live.connections import Connection
from twooter.api.live.heads import Head
from twooter.api.live.hub import Hub
from twooter.api.live.reception import REOPEN_SECONDS, Reception, Visit
from twooter.domain.streams import Mark, News
from twooter.errors import BadRequest, TooMany, TwooterError, Unavailable
from twooter.logs import get_logger
from twooter.metrics import STREAM_CAPACITY, STREAM_CONNECTIONS, STREAM_ENDS
from twooter.services.house import Services
from twooter.storage.streams import Opened

log = get_logger("streams")
T = TypeVar("T")

PATH = "/v1/stream"
HEARTBEAT_SECONDS = 15
CHECK_SECONDS = 30
_HEAD_SECONDS = 10
_TICK_SECONDS = 1.0
_FAREWELL_SECONDS = 5
_THREADS = 4
_BACKLOG = 1024


class StreamServer:
    """One event loop; everything that asks database or Redis runs in a few threads beside it."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._reception = Reception(services)
        self._audiences = services.audiences
        self._front = ThreadPoolExecutor(_THREADS, "stream")
        self._back = ThreadPoolExecutor(1, "stream-events")
        self._fragments = Fragments(public_url=services.settings.public_url)
        self._connections: set[Connection] = set()
        self._asking: set[Connection] = set()
        self._of_account: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = threading.Event()
        self._is_connected = False
        self._ticked_at: float | None = None
        self._opened_at = 0.0
        self.port: int | None = None

    def trouble(self) -> str | None:
        """Return why nobody can listen, or None."""
        if self.port is None:
            return "starting"
        if self._stopping.is_set():
            return "stopping"
        return None if self._is_connected else "the logs of live updates do not answer"

    def stuck(self) -> str | None:
        """Return what is wrong when the loop stands still."""
        silent = 0.0 if self._ticked_at is None else time.monotonic() - self._ticked_at
        return f"the loop has stood still for {silent:.0f} s" if silent > CHECK_SECONDS else None

    async def serve(self, host: str, port: int, stop: threading.Event) -> None:
        """Serve until told to stop, then tell everybody to come back, and end.

        Raises: OSError when the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._hub = Hub(self._audiences, self._fragments, self._back)
        server = await loop.create_server(self._connection, host, port, backlog=_BACKLOG)
        self.port = server.sockets[0].getsockname()[1]
        STREAM_CAPACITY.set(self._settings.stream_connections)
        log.info("stream_listening", port=self.port)
        listening = threading.Thread(target=self._listen, args=(loop,), name="stream-logs", daemon=True)
        listening.start()
        tasks = [loop.create_task(self._hub.run()), loop.create_task(self._tick())]
        await loop.run_in_executor(None, stop.wait)
        self._stopping.set()
        server.close()
        for task in tasks:
            task.cancel()
        await self._farewell()
        self._front.shutdown(wait=False, cancel_futures=True)
        self._back.shutdown(wait=False, cancel_futures=True)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        def calmly(call: Callable[..., None], *given: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and so does this thread
                loop.call_soon_threadsafe(call, *given)

        self._audiences.listen(
            self._stopping, lambda news: calmly(self._hub.tell, news), lambda: calmly(self._connected)
        )

    def _connected(self) -> None:
        """After a loss nobody knows what was told meanwhile; logs may be gone as well."""
        if self._is_connected and self._hub.logs:
            self._spawn(self._reopen(self._hub.logs, is_after_loss=True))
        self._is_connected = True

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._front, call)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # coming and going

    def _connection(self) -> Connection:
        connection = Connection(self._received, self._seen_off)
        self._asking.add(connection)
        return connection

    def _received(self, connection: Connection, raw: bytes) -> None:
        self._asking.discard(connection)
        try:
            head = heads.parse(raw)
        except BadRequest as ex:
            self._refuse(connection, None, ex)
            return
        if head.path != PATH or head.method not in ("GET", "OPTIONS"):
            status, code = (404, "not_found") if head.path != PATH else (405, "method_not_allowed")
            self._answer(connection, head, status, code, f"Here is nothing but GET {PATH}.")
        elif head.method == "OPTIONS":
            connection.close(heads.answer(204, self._preflight(head)), "refused")
        elif len(self._connections) >= self._settings.stream_connections:
            self._refuse(connection, head, Unavailable("Too many listen here now.", retry_after_seconds=30))
        else:
            self._connections.add(connection)
            self._spawn(self._open(connection, head))

    async def _open(self, connection: Connection, head: Head) -> None:
        try:
            visit = await self._in_thread(lambda: self._reception.enter(head))
            self._admit(connection, visit, head)
            await self._begin(connection, visit)
        except TwooterError as ex:
            self._refuse(connection, head, ex)
        except Exception as ex:
            log.error("stream_not_opened", error=type(ex).__name__, exc_info=ex)
            self._answer(connection, head, 500, "internal_error", "Something went wrong here.")

    def _admit(self, connection: Connection, visit: Visit, head: Head) -> None:
        if self._stopping.is_set():
            raise Unavailable("This process is stopping; ask again.")
        if self._of_account[visit.account_id] >= self._settings.stream_connections_per_account:
            raise TooMany("This account listens in too many places.", retry_after_seconds=30)
        if connection.transport.is_closing():
            return
        connection.visit, connection.waiting = visit, []
        connection.beats_at = connection.checks_at = time.monotonic()
        self._of_account[visit.account_id] += 1
        self._hub.add(connection, visit.topic_of)
        headers = {**self._headers(head), "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        connection.send(heads.answer(200, headers, None))

    async def _begin(self, connection: Connection, visit: Visit) -> None:
        """Say that it has begun; nothing of what happens from then on is missed."""
        if connection.visit is None:
            return
        if visit.since is None:
            connection.send(frames.ready(visit.topics, str(visit.begins)))
            await self._hub.catch_up(connection, [])
            return
        since: Mark = visit.since
        try:
            missed, broken = await self._in_thread(lambda: self._audiences.missed(visit.topic_of, since))
        except TwooterError:
            missed, broken = list[News](), set(visit.topic_of)
        connection.send(frames.ready(visit.topics, str(visit.begins) if broken and not missed else None))
        if broken:
            lost = sorted({visit.topics[visit.topic_of[name]] for name in broken})
            connection.send(frames.reset(lost))
        await self._hub.catch_up(connection, missed)

    def _seen_off(self, connection: Connection) -> None:
        STREAM_ENDS.labels(connection.outcome).inc()
        self._asking.discard(connection)
        self._connections.discard(connection)
        visit, connection.visit = connection.visit, None
        if visit is not None:
            self._of_account[visit.account_id] -= 1
            if not self._of_account[visit.account_id]:
                del self._of_account[visit.account_id]
            self._hub.remove(connection, visit.topic_of)

    # answers

    def _refuse(self, connection: Connection, head: Head | None, ex: TwooterError) -> None:
        more = {}
        if isinstance(ex, TooMany | Unavailable):
            more["Retry-After"] = str(ex.retry_after_seconds)
        status = STATUSES[type(ex)]
        if status == 401:
            more["WWW-Authenticate"] = 'Bearer realm="twooter"'
        self._answer(connection, head, status, ex.code, ex.detail, more)

    def _answer(
        self,
        connection: Connection,
        head: Head | None,
        status: int,
        code: str,
        detail: str,
        more: dict[str, str] | None = None,
    ) -> None:
        if connection.visit is not None:  # it has an answer already
            connection.close(frames.end(code, 1000), "refused")
            return
        headers = {**self._headers(head), "Content-Type": "application/problem+json", **(more or {})}
        if status == 405:
            headers["Allow"] = "GET, OPTIONS"
        body = orjson.dumps(document(status, code, detail, headers["X-Request-ID"]))
        connection.close(heads.answer(status, headers, body), "refused")

    def _headers(self, head: Head | None) -> dict[str, str]:
        given = "" if head is None else head.headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "X-Request-ID": request_id}
        origins = self._settings.cors_origins
        if origins:
            headers["Vary"] = "Origin"
            origin = None if head is None else head.headers.get("origin")
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = str(origin)
                headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
        return headers

    def _preflight(self, head: Head) -> dict[str, str]:
        headers = self._headers(head)
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = "GET"
            headers["Access-Control-Allow-Headers"] = "Authorization, Cache-Control, Last-Event-ID"
            headers["Access-Control-Max-Age"] = "600"
        return headers

    # looking after

    async def _tick(self) -> None:
        while True:
            self._ticked_at = now = time.monotonic()
            STREAM_CONNECTIONS.set(len(self._connections))
            due = self._beat(now)
            if due:
                self._spawn(self._check(due))
            if now - self._opened_at > REOPEN_SECONDS:
                self._opened_at = now
                self._spawn(self._reopen(self._hub.logs, is_after_loss=False))
            await asyncio.sleep(_TICK_SECONDS)

    def _beat(self, now: float) -> list[Connection]:
        """Send heartbeats that are due; return whose token is to be looked at again."""
        for connection in [c for c in self._asking if now - c.began_at > _HEAD_SECONDS]:
            connection.outcome = "refused"
            connection.transport.abort()
        due = []
        for connection in list(self._connections):
            if connection.visit is None:
                continue
            if now - connection.beats_at >= HEARTBEAT_SECONDS:
                connection.beats_at = now
                connection.send(frames.HEARTBEAT)
            if now - connection.checks_at >= CHECK_SECONDS:
                connection.checks_at = now
                due.append(connection)
        return due

    async def _check(self, due: list[Connection]) -> None:
        """End those whose token holds no more; what database and Redis cannot say now is asked again next time."""
        visits = [(connection, connection.visit) for connection in due if connection.visit is not None]
        homes = sorted({visit.account_id for _, visit in visits if "home" in visit.topics})
        try:
            held = await self._in_thread(lambda: self._reception.holding([v.key for _, v in visits]))
            beside = await self._in_thread(lambda: self._reception.beside_home(homes))
        except Exception as ex:  # noqa: BLE001 - a bad minute of the database must not end thousands of connections
            log.warning("stream_not_checked", error=type(ex).__name__)
            return
        for connection, visit in visits:
            if visit.key not in held:
                connection.close(frames.end("unauthorized", 1000), "revoked")
            elif connection.visit is not None and "home" in visit.topics:
                home = visit.topics.index("home")
                now = beside[visit.account_id]
                new = [name for name in now if name not in visit.topic_of]
                ended = [n for n in visit.topic_of if n.startswith("under:") and n not in now]
                visit.topic_of.update(dict.fromkeys(new, home))
                self._hub.add(connection, new)
                self._hub.remove(connection, ended)
                for name in ended:
                    del visit.topic_of[name]

    async def _reopen(self, names: list[str], *, is_after_loss: bool) -> None:
        """Keep logs from being forgotten; of those that were, something may have been missed."""
        opened: Opened | None = None
        while opened is None:
            try:
                opened = await self._in_thread(lambda: self._audiences.open(names))
            except TwooterError:
                await asyncio.sleep(_TICK_SECONDS)
        lost = names if is_after_loss else sorted(opened.begun)
        if lost:
            self._hub.reset(lost)

    async def _farewell(self) -> None:
        """Tell everybody to come back, not all at the same time, and wait until they have it."""
        for connection in list(self._connections):
            retry_ms = 500 + secrets.randbelow(4500)
            if connection.visit is None:
                connection.transport.abort()
            else:
                connection.close(frames.end("stopping", retry_ms), "stopped")
        until = time.monotonic() + _FAREWELL_SECONDS
        while self._connections and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.transport.abort()
