"""Gunicorn's threaded worker with an end to its patience: slow clients lose their connection, not others a thread."""

from __future__ import annotations

import http
import os
import secrets
import select
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from gunicorn.http import errors as unreadable
from gunicorn.workers.gthread import ThreadWorker

from twooter.api.doorway import SECURITY_HEADERS
from twooter.api.errors import document
from twooter.logs import get_logger
from twooter.settings import read_settings

log = get_logger("gunicorn")

STAY_MS = 20
"""How long a thread waits for the next request of the connection it has answered, unless another one needs it."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 1_048_576
"""What a client may still send after an answer that ends its connection, so that it can read the answer."""
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class _Flight:
    """A connection that holds a thread."""

    sock: socket.socket
    read_by: float = 0.0
    answer_by: float = 0.0
    request: Any = None  # Any: gunicorn has no types

    def hurry(self, now: float) -> None:
        """End what the client has not sent, or not taken, in time: whoever waits for it in a thread goes on at once."""
        if now >= self.answer_by:
            how = socket.SHUT_RDWR
        elif now >= self.read_by and not _is_read(self.request):
            how = socket.SHUT_RD
        else:
            return
        with suppress(OSError):  # the client was faster
            self.sock.shutdown(how)


class Worker(ThreadWorker):
    """A thread serves a connection from its first byte on, and for a bounded time.

    Gunicorn's own waits five seconds in a thread for a new connection's first byte, for ever for a head or a body that
    trickles in and for an answer that nobody reads, and two seconds in its main loop for the end of a connection.
    Here the head must arrive within the setting's time for bodies, then the body within the same time, and the answer
    must be taken within the time after that which a stopping server gives a request.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: gunicorn has no types
        super().__init__(*arguments, **options)
        self._read_seconds = read_settings().body_timeout_seconds
        self._flights: dict[Any, _Flight] = {}
        self._lingering: dict[Any, int] = {}  # connection: bytes thrown away
        self._look_at = 0.0
        self._staying: set[Any] = set()  # connections whose thread waits for their next request
        self._called, self._call = -1, -1  # a pipe that calls one such thread away

    def init_process(self) -> None:
        """Run until told to stop."""
        self._called, self._call = os.pipe()
        for end in (self._called, self._call):
            os.set_blocking(end, False)
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Accept or do not accept; at the end serve whoever has connected, and let whoever comes later be refused.

        Gunicorn keeps its sockets until it has answered all: connections would be made, wait, and be reset.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            known = -1
            while known < self.nr_conns:
                known = self.nr_conns
                self.accept(listener)
            listener.close()

    def enqueue_req(self, conn: Any) -> None:  # Any: idem
        """Give a connection a thread when there is something to read."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            if self._staying:
                with suppress(BlockingIOError):  # thousands of calls wait already
                    os.write(self._call, b"!")
            return
        conn.timeout = time.monotonic() + self._read_seconds
        self.pending_conns.append(conn)
        self._await(conn, self.on_pending_socket_readable)

    def handle(self, conn: Any) -> Any:  # Any: idem
        """Serve a request, and those that follow it at once; runs in a thread.

        The way back through the main loop costs as much as a whole small request.
        """
        kept = self._serve(conn)
        while kept is True and self._follows(conn):
            kept = self._serve(conn)
        return kept

    def _serve(self, conn: Any) -> Any:  # Any: idem
        flight = _Flight(conn.sock)
        self._give_time(flight)
        self._flights[conn] = flight
        try:
            return super().handle(conn)
        finally:
            del self._flights[conn]

    def _follows(self, conn: Any) -> bool:  # Any: idem
        """Return whether the connection's next request comes soon, and before another connection needs the thread."""
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        poll.register(self._called, select.POLLIN)
        self._staying.add(conn)  # before looking at the queue: whoever fills it looks here afterwards
        try:
            if not self.alive or not self.tpool._work_queue.empty():  # noqa: SLF001 - the pool does not tell otherwise
                return False
            ready = [fd for fd, _ in poll.poll(STAY_MS)]
        finally:
            self._staying.discard(conn)
        if self._called in ready:
            with suppress(BlockingIOError):  # another thread was faster
                os.read(self._called, 1)
        return conn.sock.fileno() in ready

    def handle_request(self, req: Any, conn: Any) -> Any:  # Any: idem
        """Call the application, whose head has been read: what follows has a time of its own."""
        flight = self._flights[conn]
        flight.request = req
        self._give_time(flight)
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:  # Any: idem
        """Keep the connection, or part from it without waiting."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._part(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering[conn] = 0
        self._await(conn, self._drain)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Close kept connections whose time is over, unless the next request has come while nobody looked.

        Gunicorn closes all of them at once: on a busy machine, or at a stop with many of them, whoever has just asked
        would hear nothing.
        """
        now = time.monotonic()
        while self.keepalived_conns and self.keepalived_conns[0].timeout <= now:
            conn = self.keepalived_conns[0]
            if _asks(conn.sock):
                self.on_client_socket_readable(conn, conn.sock)
                continue
            self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()
        if force:
            super().murder_keepalived(force)

    def murder_pending(self) -> None:
        """End what has taken too long; called in each turn of the main loop."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        for flight in list(self._flights.values()):
            flight.hurry(now)
        for conn in [conn for conn in self._lingering if conn.timeout <= now]:
            self._part(conn)
        if not self.alive:  # whoever has not sent anything by now is not waited for
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, now + LINGER_SECONDS)

    def handle_error(self, _: Any, client: Any, __: Any, exc: Exception) -> None:  # Any: idem
        """Answer what is no HTTP with a problem document; the log says what was wrong, never what was sent."""
        request_id = secrets.token_hex(8)
        status, code, detail = _problem(exc)
        if status == 500:
            log.error("request_crashed", request_id=request_id, exc_info=exc)
        else:
            log.info("request_unreadable", request_id=request_id, status=status, error=type(exc).__name__)
        body = orjson.dumps(document(status, code, detail, request_id))
        headers = {
            "Connection": "close",
            "Content-Type": "application/problem+json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Request-ID": request_id,
            **SECURITY_HEADERS,
        }
        lines = [
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
            *(f"{k}: {v}" for k, v in headers.items()),
            "",
            "",
        ]
        with suppress(OSError):  # the client is gone
            client.sendall("\r\n".join(lines).encode() + body)

    def _give_time(self, flight: _Flight) -> None:
        # a little more than the application gives a body, so that it knows why that ended
        flight.read_by = time.monotonic() + self._read_seconds + 0.1
        flight.answer_by = flight.read_by + self.cfg.graceful_timeout

    def _await(self, conn: Any, then: Any) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(then, conn))

    def _drain(self, conn: Any, sock: socket.socket) -> None:
        """Throw away what a client sends after its answer, until it has read that and closes."""
        try:
            data = sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._lingering[conn] += len(data)
        if not data or self._lingering[conn] > LINGER_BYTES:
            self._part(conn)

    def _part(self, conn: Any) -> None:
        if self._lingering.pop(conn, None) is not None:
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _asks(sock: socket.socket) -> bool:
    """Return whether a request has begun to arrive on a connection that does not block."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:  # nothing is there, or the client is gone
        return False


def _is_read(request: Any) -> bool:
    """Return whether the whole request has arrived and was read."""
    if request is None:
        return False
    reader = request.body.reader
    if hasattr(reader, "length"):
        return bool(reader.length == 0)
    return getattr(reader, "parser", None) is None


def _problem(exc: Exception) -> tuple[int, str, str]:
    if isinstance(exc, unreadable.LimitRequestLine):
        return 414, "uri_too_long", "The address is too long."
    if isinstance(exc, unreadable.LimitRequestHeaders):
        return 431, "headers_too_large", "The headers are too many or too long."
    if isinstance(exc, unreadable.ParseException):
        return 400, "bad_http", "This is no request of HTTP/1.1 that can be understood in one way only."
    return 500, "internal_error", "Something went wrong here; the request id finds it in the logs."
