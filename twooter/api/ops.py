"""What machines ask, in the application of a laptop: /healthz, /readyz, /metrics; elsewhere they have a port."""

from __future__ import annotations

from typing import Any, Literal

import falcon
from pydantic import BaseModel

from twooter import metrics
from twooter.api.operations import operation
from twooter.machines import METRICS_TYPE, Check, health


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
        is_well, resp.data = health(self._check)
        resp.status = falcon.HTTP_200 if is_well else falcon.HTTP_503
        resp.content_type = falcon.MEDIA_JSON
        resp.set_header("Cache-Control", "no-store")


class Metrics:
    """Answers the metrics of all processes."""

    @operation("Read the metrics for Prometheus", answers={200: str}, media_type="text/plain")
    def on_get(self, _: falcon.Request, resp: falcon.Response) -> None:
        """Expose."""
        resp.data = metrics.exposition()
        resp.content_type = METRICS_TYPE
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
