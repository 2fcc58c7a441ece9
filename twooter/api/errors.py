"""Errors to answers: one table of statuses, one problem shape.

Source: RFC 9457 (problem details).
"""

from __future__ import annotations

import http
from collections.abc import Sequence
from typing import Any

import falcon
import orjson

from twooter import errors
from twooter.logs import get_logger

log = get_logger("http")

STATUSES: dict[type[errors.TwooterError], int] = {
    errors.BadRequest: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Elsewhere: 421,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}

_CODES = {
    405: "method_not_allowed",
    408: "timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    416: "bad_range",
    431: "headers_too_large",
}


def document(
    status: int, code: str, detail: str, request_id: str, items: Sequence[errors.FieldError] = ()
) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    return {
        "type": f"urn:twooter:problem:{code}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        "errors": [{"field": e.field, "code": e.code, "detail": e.detail} for e in items],
    }


def problem(
    req: falcon.Request, status: int, code: str, detail: str, items: Sequence[errors.FieldError]
) -> dict[str, Any]:
    """Return the problem document of a request; the first version's routes also get `message`."""
    body = document(status, code, detail, req.context.request_id, items)
    if req.path.startswith(("/messages", "/management/")):
        body["message"] = detail
    return body


def _answer(
    req: falcon.Request, resp: falcon.Response, status: int, code: str, detail: str, items: Any = ()
) -> None:
    resp.status = status
    resp.content_type = "application/problem+json"
    resp.data = orjson.dumps(problem(req, status, code, detail, list(items)))
    resp.text = None
    resp.set_header("Cache-Control", "no-store")


def on_refusal(
    req: falcon.Request, resp: falcon.Response, ex: errors.TwooterError, _: dict[str, Any]
) -> None:
    """Answer an error that a service raised."""
    status = STATUSES[type(ex)]
    _answer(req, resp, status, ex.code, ex.detail, getattr(ex, "errors", ()))
    if isinstance(ex, errors.TooMany | errors.Unavailable):
        resp.set_header("Retry-After", str(ex.retry_after_seconds))
    if status == 401:
        resp.set_header("WWW-Authenticate", 'Bearer realm="twooter"')


def on_http_error(
    req: falcon.Request, resp: falcon.Response, ex: falcon.HTTPError, _: dict[str, Any]
) -> None:
    """Answer an error of Falcon's own: no route, wrong method, broken headers."""
    status = ex.status_code
    if status == 404:
        code, detail = "not_found", "There is nothing at this address; /openapi.json lists what there is."
    elif status == 405:
        code, detail = (
            "method_not_allowed",
            "This address does not take this method; the Allow header lists those it takes.",
        )
    else:
        code, detail = (
            _CODES.get(status, "bad_request"),
            ex.description or ex.title or "The request cannot be answered.",
        )
    _answer(req, resp, status, code, detail)
    for name, value in dict(ex.headers or {}).items():
        resp.set_header(name, value)


def on_crash(req: falcon.Request, resp: falcon.Response, ex: Exception, _: dict[str, Any]) -> None:
    """Answer what nobody expected: the log has the story, the client its request id."""
    log.error("request_crashed", request_id=req.context.request_id, route=req.uri_template, exc_info=ex)
    _answer(
        req, resp, 500, "internal_error", "Something went wrong here; the request id finds it in the logs."
    )
