"""What machines ask: /healthz, /readyz, /metrics; in the application on a laptop, on a port of its own elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any, Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import falcon
import orjson
from pydantic import BaseModel

from twooter import metrics
from twooter.api.operations import operation

Check = Callable[[], str | None]
"""Returns None when all is well, else what is not."""

_SOCKET_SECONDS = 10


class HealthShape(BaseModel):
    """`ok`, or what is wrong."""

    status: Literal["ok", "unavailable"]
    detail: str | None = None


class Health:
    """Answers 200 while a check finds nothing wrong, else 503 with the reason."""

    def __init__(self, check: Check) -> None:
        self._check = check

    @operation("Tell whether this is well", answers={200: HealthShape, 503: HealthShape})
    def on_get(self, _: falcon.Request, resp: falcon.Response) -> None:
        """Tell."""
        wrong = self._check()
        resp.status = falcon.HTTP_200 if wrong is None else falcon.HTTP_503
        resp.data = orjson.dumps(
            {"status": "ok"} if wrong is None else {"status": "unavailable", "detail": wrong}
        )
        resp.content_type = falcon.MEDIA_JSON
        resp.set_header("Cache-Control", "no-store")


class Metrics:
    """Answers the metrics of all processes."""

    @operation("Read the metrics for Prometheus", answers={200: str}, media_type="text/plain")
    def on_get(self, _: falcon.Request, resp: falcon.Response) -> None:
        """Expose."""
        resp.data = metrics.exposition()
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.set_header("Cache-Control", "no-store")


OPS_RESOURCES: dict[str, type] = {"/healthz": Health, "/readyz": Health, "/metrics": Metrics}
"""What the OpenAPI document says of these addresses."""


def add_ops_routes(app: falcon.App[Any, Any], *, alive: Check, ready: Check) -> None:
    """Serve the three addresses from an application."""
    for path, resource in (("/healthz", Health(alive)), ("/readyz", Health(ready)), ("/metrics", Metrics())):
        add_head(resource)
        app.add_route(path, resource)


def add_head(resource: Any) -> None:  # Any: Falcon's resources have no common type
    """Let a resource that answers GET answer HEAD: the same headers, whose body Falcon leaves out.

    Source: RFC 9110, 9.3.2.
    """
    if hasattr(resource, "on_get"):
        resource.on_head = resource.on_get


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # with the usual 5, who comes in a burst waits a second to be let in


class _QuietHandler(WSGIRequestHandler):
    timeout = _SOCKET_SECONDS

    def log_message(self, *_: Any) -> None:  # Any: http.server's signature
        """Log nothing: probes come every few seconds."""


def serve_ops(host: str, port: int, *, alive: Check, ready: Check) -> int:
    """Serve the three addresses from a daemon thread; return the port (of use when 0 was asked for)."""
    app = falcon.App()
    add_ops_routes(app, alive=alive, ready=ready)
    server = make_server(host, port, app, server_class=_Server, handler_class=_QuietHandler)
    threading.Thread(target=server.serve_forever, name="ops", daemon=True).start()
    return server.server_port
