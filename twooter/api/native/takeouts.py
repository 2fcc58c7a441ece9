"""Exports over HTTP: ask for an archive of one's own data, look how far it is, download it."""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon
from pydantic import BaseModel, Field

from twooter.api import params, ranges
from twooter.api.clients import Clients
from twooter.api.lists import Lists
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain.transfers import State, Transfer
from twooter.services.limits import Limits
from twooter.services.takeout_files import FILES
from twooter.services.takeouts import Takeouts, files_done


class NoBody(params.Body):
    """Nothing: what is asked for stands in the address."""


class ExportProgress(BaseModel):
    """How much of an archive is written."""

    files: int
    files_done: int
    items: int = Field(description="Twoots, likes, accounts and so on.")
    bytes: int


class ExportShape(BaseModel):
    """An archive of your own data."""

    id: str
    state: State
    created_at: str
    ended_at: str | None
    expires_at: str | None
    progress: ExportProgress
    archive_url: str | None = Field(
        description="Where to download it, with your token; null before it is done."
    )


class ExportPage(BaseModel):
    """A page of archives, the newest first."""

    items: list[ExportShape]
    next: str | None
    prev: str | None


def export(value: Transfer, *, public_url: str) -> dict[str, Any]:
    """Return the shape of an archive."""
    done = value.state is State.DONE
    return {
        "id": str(value.id),
        "state": value.state.value,
        "created_at": rfc3339(value.created_ms),
        "ended_at": None if value.ended_ms is None else rfc3339(value.ended_ms),
        "expires_at": None if value.expires_ms is None else rfc3339(value.expires_ms),
        "progress": {
            "files": len(FILES),
            "files_done": files_done(value),
            "items": value.items,
            "bytes": value.size,
        },
        "archive_url": f"{public_url}/v1/me/exports/{value.id}/archive" if done else None,
    }


class ExportsResource:
    """`/v1/me/exports`."""

    def __init__(
        self, takeouts: Takeouts, limits: Limits, clients: Clients, lists: Lists, *, public_url: str
    ) -> None:
        self._takeouts = takeouts
        self._limits = limits
        self._clients = clients
        self._lists = lists
        self._shape = partial(export, public_url=public_url)

    @operation(
        "Read which archives of your data there are",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: ExportPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._takeouts.fetch, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, self._shape)

    @operation(
        "Ask for an archive of your data; a mail tells when it is there",
        auth=Auth.REQUIRED,
        answers={202: ExportShape},
        errors=(404, 429),
        idempotent_by_key=True,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask; while one is being made, it is answered with that one."""
        viewer = req.context.viewer
        self._limits.export(viewer.account_id, self._clients.of(req))
        key = params.idempotency_key(req, NoBody())
        made = self._takeouts.request(viewer, idempotency_key=key, request_id=req.context.request_id)
        resp.status, resp.location = falcon.HTTP_202, f"/v1/me/exports/{made.id}"
        resp.media = self._shape(made)


class ExportResource:
    """`/v1/me/exports/{id}`."""

    def __init__(self, takeouts: Takeouts, *, public_url: str) -> None:
        self._takeouts = takeouts
        self._public_url = public_url

    @operation(
        "Read how far an archive of your data is",
        auth=Auth.REQUIRED,
        answers={200: ExportShape},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        found = self._takeouts.get(req.context.viewer, params.id_of(id, "export"))
        resp.media = export(found, public_url=self._public_url)

    @operation(
        "Remove an archive of your data, or stop making it",
        auth=Auth.REQUIRED,
        answers={204: None},
        errors=(404,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Remove."""
        number, request_id = params.id_of(id, "export"), req.context.request_id
        self._takeouts.remove(req.context.viewer, number, request_id=request_id)
        resp.status = falcon.HTTP_204


class ArchiveResource:
    """`/v1/me/exports/{id}/archive`."""

    def __init__(self, takeouts: Takeouts) -> None:
        self._takeouts = takeouts

    @operation(
        "Download an archive of your data, or with `Range` a part of it",
        auth=Auth.REQUIRED,
        answers={200: bytes, 206: bytes},
        errors=(404, 409, 416),
        media_type="application/zip",
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Download: chunk by chunk, never the whole in memory."""
        found = self._takeouts.get_done(req.context.viewer, params.id_of(id, "export"))
        etag = f'"{found.id}"'
        span = ranges.asked(req, found.size, etag)
        first, end = span or (0, found.size)
        resp.content_type, resp.etag, resp.accept_ranges = "application/zip", etag, "bytes"
        resp.downloadable_as = f"twooter-{req.context.viewer.username}-{rfc3339(found.created_ms)[:10]}.zip"
        if span is not None:
            resp.status, resp.content_range = falcon.HTTP_206, (first, end - 1, found.size)
        resp.set_stream(self._takeouts.read(found, first, end), end - first)
