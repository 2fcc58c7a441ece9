"""Pages over HTTP: items, signed cursors, Link and ETag headers; public pages kept under a version."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import falcon
import orjson

from twooter.api.cursors import Cursors
from twooter.api.params import PageQuery
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page, Slice
from twooter.metrics import CACHE
from twooter.services.versions import PAGE_SECONDS, PUBLIC, Versions

T = TypeVar("T")
K = TypeVar("K", bound=Slice[Any])  # Any: items of all kinds
_KEPT_PAGES = 128
_LOCKS = 64
_hit, _miss = CACHE.labels("page", "hit").inc, CACHE.labels("page", "miss").inc

Key = tuple[str, Page, bytes]
"""Path, page, version."""


@dataclass(slots=True)
class Kept(Generic[K]):
    """A page that is the same for everybody, and the answer that anonymous clients get."""

    found: K
    until: float
    anonymous: Answer | None = None
    public: bytes | None = None
    """Version of the public page, which any author moves who takes something away; None where that is no matter."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    body: bytes
    link: str | None
    etag: str | None
    """Of what is the same for everybody; personal answers are not to be kept."""


class Lists:
    """Answers pages; each process keeps public ones for at most a second, under their version."""

    def __init__(self, cursors: Cursors, versions: Versions, *, public_url: str) -> None:
        self._cursors = cursors
        self._versions = versions
        self._public_url = public_url
        self._kept: dict[Key, Kept[Any]] = {}  # Any: pages of all kinds
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def answer(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        query: PageQuery,
        read: Callable[[Page], K],
        shape: Callable[[T], Any],
        *,
        version: str | None = None,
        seen_by: Callable[[Viewer | None, K], Slice[T]] | None = None,
        is_alone: Callable[[K], bool] = lambda _: True,
    ) -> None:
        """Send the page that the query names.

        `version` names what changes when the page does, where it is the same for everybody; `seen_by` makes of such a
        page what a viewer, or nobody in particular, sees; `is_alone` says of a page that it shows nothing of
        other authors than the version is of, who might take it away: else it holds as long as the public one does.
        """
        viewer, page = req.context.viewer, self.page(req, query)
        place = (req.path + _filters(query), page)
        kept = self._find(place, version, lambda: _read(read, page), is_alone)
        if viewer is None:
            if kept.anonymous is None:
                found = kept.found if seen_by is None else seen_by(None, kept.found)
                kept.anonymous = self._answer(req, query, found, shape)
            answer = kept.anonymous
        else:
            found = kept.found if seen_by is None else seen_by(viewer, kept.found)
            answer = self._answer(req, query, found, shape)
        _send(req, resp, answer)

    def page(self, req: falcon.Request, query: PageQuery) -> Page:
        """Return the page that the query names.

        Raises: BadRequest for a cursor that is not one of this list and viewer.
        """
        return self._cursors.page(_scope(req, query), query.limit, query.cursor)

    def show(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        query: PageQuery,
        found: Slice[T],
        shape: Callable[[T], Any],
        *,
        beside: Mapping[str, Any],
    ) -> None:
        """Send a page that was read, with more fields beside its items."""
        _send(req, resp, self._answer(req, query, found, shape, beside=beside))

    def _find(
        self,
        place: tuple[str, Page],
        version: str | None,
        read: Callable[[], Kept[K]],
        is_alone: Callable[[K], bool],
    ) -> Kept[K]:
        """Return the page, read by one thread at a time where it may be kept."""
        current = None if version is None else self._versions.find(version)
        if current is None:
            return read()
        key = (*place, current)
        kept = self._kept.get(key)
        if kept is not None and self._holds(kept):
            _hit()
            return kept
        with self._locks[hash(key) % _LOCKS]:
            kept = self._kept.get(key)
            if kept is None or not self._holds(kept):
                _miss()
                if len(self._kept) >= _KEPT_PAGES:
                    self._kept = {}
                public = self._versions.find(PUBLIC)  # from before the reading, too
                kept = self._kept[key] = read()
                if not is_alone(kept.found):
                    kept.public = public or b""
            return kept

    def _holds(self, kept: Kept[Any]) -> bool:  # Any: idem
        """Return whether a kept page may be sent still; its version was looked up by the caller."""
        if kept.until < time.monotonic():
            return False
        return kept.public is None or kept.public == self._versions.find(PUBLIC)

    def _answer(
        self,
        req: falcon.Request,
        query: PageQuery,
        found: Slice[T],
        shape: Callable[[T], Any],
        *,
        beside: Mapping[str, Any] = MappingProxyType({}),
    ) -> Answer:
        cursors, path, scope = {}, req.path, _scope(req, query)
        if found.next_before is not None:
            cursors["next"] = self._cursors.make(scope, before=found.next_before)
        if found.prev_after is not None:
            cursors["prev"] = self._cursors.make(scope, after=found.prev_after)
        asked = f"{falcon.uri.encode(path)}?{_filters(query)}limit={query.limit}"
        link = ", ".join(
            f'<{self._public_url}{asked}&cursor={cursor}>; rel="{rel}"' for rel, cursor in cursors.items()
        )
        ends = {"next": cursors.get("next"), "prev": cursors.get("prev")}
        body = orjson.dumps({**beside, "items": [shape(item) for item in found.items], **ends})
        return Answer(body, link or None, etag_of(body) if req.context.viewer is None else None)


def _scope(req: falcon.Request, query: PageQuery) -> str:
    """Return what a cursor is bound to."""
    viewer = req.context.viewer
    return f"{req.path} {_filters(query)}{'' if viewer is None else viewer.account_id}"


def _filters(query: PageQuery) -> str:
    """Return what a query asks for beside its page, as the beginning of a query string."""
    if type(query) is PageQuery:
        return ""
    given = query.model_dump(mode="json", exclude=set(PageQuery.model_fields), exclude_defaults=True)
    return "".join(
        f"{name}={falcon.uri.encode_value(str(each).lower() if isinstance(each, bool) else str(each))}&"
        for name, value in given.items()
        for each in (value if isinstance(value, list) else [value])
    )


def _send(req: falcon.Request, resp: falcon.Response, answer: Answer) -> None:
    send(req, resp, answer.body, answer.etag)
    if answer.link is not None:
        resp.set_header("Link", answer.link)


def _read(read: Callable[[Page], K], page: Page) -> Kept[K]:
    # from before the reading: nothing older than a second is ever sent
    until = time.monotonic() + PAGE_SECONDS
    return Kept(read(page), until)


def etag_of(body: bytes) -> str:
    """Return the ETag of a body."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def send(req: falcon.Request, resp: falcon.Response, body: bytes, etag: str | None) -> None:
    """Send JSON, or 304 when a client has it already; what is personal has no ETag."""
    if etag is None:
        resp.set_header("Vary", "Authorization")
    if etag is None or not unchanged(req, resp, etag):
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
