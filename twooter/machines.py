"""What machines ask, on a port of their own: /healthz, /readyz and /metrics, from a thread and without a framework."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson

from twooter import metrics

Check = Callable[[], str | None]
"""Returns None when all is well, else what is not."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SOCKET_SECONDS = 10


def health(check: Check) -> tuple[bool, bytes]:
    """Return whether all is well, and the JSON that says so, or why not."""
    wrong = check()
    if wrong is None:
        return True, orjson.dumps({"status": "ok"})
    return False, orjson.dumps({"status": "unavailable", "detail": wrong})


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # with the usual 5, who comes in a burst waits a second to be let in


class _QuietHandler(WSGIRequestHandler):
    timeout = _SOCKET_SECONDS

    def log_message(self, *_: Any) -> None:  # Any: http.server's signature
        """Log nothing: probes come every few seconds."""


def serve(host: str, port: int, *, alive: Check, ready: Check) -> int:
    """Serve the three addresses from a daemon thread; return the port (of use when 0 was asked for)."""
    server = make_server(
        host, port, _application(alive, ready), server_class=_Server, handler_class=_QuietHandler
    )
    threading.Thread(target=server.serve_forever, name="machines", daemon=True).start()
    return server.server_port


def _application(alive: Check, ready: Check) -> Any:  # Any: WSGI's callable
    """Return a WSGI application: a process that serves nothing else need not load one more framework."""
    checks = {"/healthz": alive, "/readyz": ready}

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # Any: idem
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        status, kind, body = "200 OK", "application/json", b""
        if path not in checks and path != "/metrics":
            status = "404 Not Found"
        elif method not in ("GET", "HEAD"):
            status = "405 Method Not Allowed"
        elif path == "/metrics":
            kind, body = METRICS_TYPE, metrics.exposition()
        else:
            is_well, body = health(checks[path])
            status = "200 OK" if is_well else "503 Service Unavailable"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start(status, headers)
        return [] if method == "HEAD" else [body]

    return answer
