"""The doorway every request passes: request id, sign-in, headers, one log line, metrics."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import falcon

from twooter import traces
from twooter.api import clients
from twooter.api.board import Board
from twooter.api.operations import Auth, Operation
from twooter.domain.accounts import Role, Viewer
from twooter.domain.moderation import check_moderates
from twooter.errors import BadRequest, Forbidden, Unauthorized
from twooter.logs import bind_contextvars, clear_contextvars, get_logger
from twooter.metrics import ANSWERS, REQUESTS, ROUTES

log = get_logger("http")

Authenticate = Callable[[str], Viewer]
"""Bearer token to viewer; raises Unauthorized."""
AuthenticateLater = Callable[[str, Callable[[Viewer], None]], Viewer]
"""The same, but proved with the first question, and told then who it is."""
Observe = Callable[[str, float, bool], None]
"""Called with (method and route template, seconds, whether it was a 5xx)."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_NO_OPERATION = Operation("")
_METHODS = frozenset(falcon.constants.HTTP_METHODS)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_EXPOSED = "Link, ETag, Retry-After, RateLimit, X-Request-ID"


class Doorway:
    """Falcon middleware; does as little as it can, for it is paid by every request."""

    def __init__(
        self,
        authenticate: Authenticate,
        observe: Observe,
        *,
        authenticate_later: AuthenticateLater | None = None,
        cors_origins: tuple[str, ...],
        max_body_bytes: int,
        body_timeout_seconds: int,
    ) -> None:
        self._authenticate = authenticate
        self._authenticate_later = authenticate_later
        self._observe = observe
        self._cors_origins = frozenset(cors_origins)
        self._max_body_bytes = max_body_bytes
        self._body_timeout_seconds = body_timeout_seconds
        self.board: Board | None = None
        self._observers: dict[
            tuple[str, str | None, int],
            tuple[Callable[[float], None], Callable[[float], None], Callable[[], None]],
        ] = {}

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Begin: time, request id, limits of the body."""
        context = req.context
        if self.board is not None:
            self.board.begin()
        context.started = time.perf_counter()
        given = req.get_header("X-Request-ID")
        context.request_id = given if given and REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        context.viewer = None
        context.client = None
        context.max_body_bytes = self._max_body_bytes
        context.body_timeout_seconds = self._body_timeout_seconds
        bind_contextvars(request_id=context.request_id)
        if traces.tracer is not None:
            context.span = traces.tracer.begin(req.get_header("traceparent"))
            bind_contextvars(trace_id=traces.tracer.trace_id(context.span))
        _check_utf8(req)
        if req.method == "OPTIONS" and req.get_header("Access-Control-Request-Method"):
            self._preflight(req, resp)

    def process_resource(
        self, req: falcon.Request, _: falcon.Response, resource: Any, __: dict[str, Any]
    ) -> None:
        """Sign the viewer in, as the operation asks."""
        responder = getattr(resource, f"on_{req.method.lower()}", None)
        operation: Operation = getattr(responder, "operation", _NO_OPERATION)
        if operation.auth is Auth.NONE:
            return
        header = req.get_header("Authorization")
        if header is not None:
            scheme, _space, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthorized("Send the token as `Authorization: Bearer TOKEN`.")
            self._sign_in(req, token.strip(), later=operation.proved_with_answer)
        elif operation.auth is not Auth.OPTIONAL:
            raise Unauthorized("Sign in: POST /v1/tokens gives a token for the Authorization header.")
        if operation.max_body_bytes > self._max_body_bytes:
            req.context.max_body_bytes = operation.max_body_bytes
        if operation.auth is Auth.MODERATOR:
            check_moderates(req.context.viewer)
        if operation.auth is Auth.ADMIN and req.context.viewer.role is not Role.ADMIN:
            raise Forbidden("Only administrators may see this.")

    def _sign_in(self, req: falcon.Request, token: str, *, later: bool) -> None:
        if not later or self._authenticate_later is None:
            req.context.viewer = self._authenticate(token)
            return

        def proved(viewer: Viewer) -> None:
            req.context.viewer = viewer

        req.context.viewer = self._authenticate_later(token, proved)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _: Any,
        __: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """End: headers, metrics, the one log line of the request."""
        context = req.context
        if resp.status_code == 401:
            context.viewer = None  # a token that was to be proved with the answer was not
        resp.set_headers(
            SECURITY_HEADERS if resp.get_header("Content-Security-Policy") is None else _WITHOUT_CSP
        )
        resp.set_header("X-Request-ID", context.request_id)
        if resp.get_header("Cache-Control") is None:
            resp.set_header(
                "Cache-Control", "private, no-store" if context.viewer is not None else "no-store"
            )
        if context.client is not None:
            clients.tell_quotas(resp, context.client)
        self._cors(req, resp)
        seconds = time.perf_counter() - context.started
        status, route = resp.status_code, req.uri_template or "none"
        method = req.method if req.method in _METHODS else "OTHER"  # clients make up as many as they like
        key = (method, route, status)
        counters = self._observers.get(key)
        if counters is None:
            shown = "4xx" if 400 <= status < 500 else str(status)
            counters = self._observers[key] = (
                REQUESTS.labels(method).observe,
                ROUTES.labels(method, route).observe,
                ANSWERS.labels(method, route, shown).inc,
            )
        observe, observe_route, count = counters
        observe(seconds)
        observe_route(seconds)
        count()
        self._observe(f"{method} {route}", seconds, status >= 500)
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            account_id=None if context.viewer is None else context.viewer.account_id,
        )
        if traces.tracer is not None:
            _end_trace(req, f"{method} {route}", status)
        clear_contextvars()
        if self.board is not None:
            self.board.end()

    def trouble(self) -> str | None:
        """Return why this process cannot answer requests, or None."""
        return None if self.board is None else self.board.trouble([self.board.slot])

    def _preflight(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_204
        resp.complete = True
        if req.get_header("Origin") in self._cors_origins:
            resp.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
            resp.set_header(
                "Access-Control-Allow-Headers",
                "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID",
            )
            resp.set_header("Access-Control-Max-Age", "600")

    def _cors(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not self._cors_origins:
            return
        resp.append_header("Vary", "Origin")
        origin = req.get_header("Origin")
        if origin in self._cors_origins:
            resp.set_header("Access-Control-Allow-Origin", origin)
            resp.set_header("Access-Control-Expose-Headers", _EXPOSED)


class Proofs:
    """Middleware before the doorway's answer: nothing goes out before the token it is for is proved."""

    def __init__(self, settle: Callable[[], None]) -> None:
        self._settle = settle

    def process_response(
        self,
        req: falcon.Request,
        _: falcon.Response,
        __: Any,
        ___: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Prove now what no question has proved."""
        if req.context.viewer is not None:
            self._settle()


def _end_trace(req: falcon.Request, name: str, status: int) -> None:
    if traces.tracer is not None and hasattr(req.context, "span"):
        about: dict[str, traces.Attribute] = {
            "http.request.method": req.method,
            "http.route": req.uri_template or "none",
            "http.response.status_code": status,
            "twooter.request_id": req.context.request_id,
        }
        traces.tracer.end(req.context.span, name, failed=status >= 500, **about)


def _check_utf8(req: falcon.Request) -> None:
    """Refuse what Falcon would read with question marks in place of what it cannot decode."""
    path, query = req.env["PATH_INFO"], req.query_string
    if path.isascii() and "%" not in query:
        return
    try:
        path.encode("latin-1").decode()  # WSGI's way to hand bytes over
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise BadRequest("The address is not valid UTF-8.", code="bad_utf8") from None


_WITHOUT_CSP = {name: value for name, value in SECURITY_HEADERS.items() if name != "Content-Security-Policy"}
