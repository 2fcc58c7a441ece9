"""Pages over HTTP: items, signed cursors, Link and ETag headers; anonymous pages kept under a version."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import falcon
import orjson

from twooter.api.cursors import Cursors
from twooter.api.params import PageQuery
from twooter.domain.pages import Page, Slice
from twooter.metrics import CACHE
from twooter.services.versions import PAGE_SECONDS, Versions

T = TypeVar("T")
_KEPT_PAGES = 512
_hit, _miss = CACHE.labels("page", "hit").inc, CACHE.labels("page", "miss").inc


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as it is sent."""

    body: bytes
    etag: str
    link: str | None
    until: float


class Lists:
    """Answers pages; each process keeps the anonymous ones for at most a second, under their version."""

    def __init__(self, cursors: Cursors, versions: Versions, *, public_url: str) -> None:
        self._cursors = cursors
        self._versions = versions
        self._public_url = public_url
        self._kept: dict[tuple[str, str | None, int, bytes], Rendered] = {}

    def answer(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        query: PageQuery,
        read: Callable[[Page], Slice[T]],
        shape: Callable[[T], Any],
        *,
        version: str | None = None,
    ) -> None:
        """Send the page that the query names; `version` names what changes when an anonymous page does."""
        viewer = req.context.viewer
        scope = f"{req.path} {'' if viewer is None else viewer.account_id}"
        current = self._versions.find(version) if version is not None and viewer is None else None
        key = (req.path, query.cursor, query.limit, current or b"")
        rendered = self._kept.get(key) if current is not None else None
        if rendered is None or rendered.until < time.monotonic():
            rendered = self._render(req.path, scope, query, read, shape)
            _miss()
            if current is not None:
                self._keep(key, rendered)
        else:
            _hit()
        send(req, resp, rendered.body, rendered.etag, anonymous=viewer is None)
        if rendered.link is not None:
            resp.set_header("Link", rendered.link)

    def _render(
        self,
        path: str,
        scope: str,
        query: PageQuery,
        read: Callable[[Page], Slice[T]],
        shape: Callable[[T], Any],
    ) -> Rendered:
        until = time.monotonic() + PAGE_SECONDS
        found = read(self._cursors.page(scope, query.limit, query.cursor))
        following = None if found.next_before is None else self._cursors.make(scope, before=found.next_before)
        previous = None if found.prev_after is None else self._cursors.make(scope, after=found.prev_after)
        body = orjson.dumps(
            {"items": [shape(item) for item in found.items], "next": following, "prev": previous}
        )
        links = [
            f'<{self._public_url}{path}?limit={query.limit}&cursor={cursor}>; rel="{rel}"'
            for rel, cursor in (("next", following), ("prev", previous))
            if cursor is not None
        ]
        return Rendered(body, etag_of(body), ", ".join(links) or None, until)

    def _keep(self, key: tuple[str, str | None, int, bytes], rendered: Rendered) -> None:
        if len(self._kept) >= _KEPT_PAGES:
            self._kept = {}
        self._kept[key] = rendered


def etag_of(body: bytes) -> str:
    """Return the ETag of a body."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def send(req: falcon.Request, resp: falcon.Response, body: bytes, etag: str, *, anonymous: bool) -> None:
    """Send JSON, or 304 when an anonymous client has it already."""
    if not anonymous:
        resp.set_header("Vary", "Authorization")
    if not anonymous or not unchanged(req, resp, etag):
        resp.data, resp.content_type = body, falcon.MEDIA_JSON


def unchanged(req: falcon.Request, resp: falcon.Response, etag: str) -> bool:
    """Set the headers of an answer that is the same for everyone; return whether it is a 304, and needs no body."""
    resp.set_header("Vary", "Authorization")
    resp.set_header("Cache-Control", "no-cache")
    resp.set_header("ETag", etag)
    given = req.get_header("If-None-Match")
    if given is not None and (
        given.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in given.split(","))
    ):
        resp.status = falcon.HTTP_304
        return True
    return False
