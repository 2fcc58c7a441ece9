"""Edits over HTTP: what a twoot said in its versions."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import BaseModel

from twooter.api import params
from twooter.api.operations import Auth, operation
from twooter.api.times import rfc3339
from twooter.services.edits import Edits
from twooter.storage.edits import Edit


class EditShape(BaseModel):
    """What a twoot said in one of its versions."""

    version: int
    text: str
    content_warning: str | None
    language: str | None
    written_at: str


class HistoryShape(BaseModel):
    """All versions of a twoot, newest first, the present one among them; at most 51."""

    items: list[EditShape]


def edit(value: Edit) -> dict[str, Any]:
    """Return the shape of a version."""
    return {
        "version": value.version,
        "text": value.text,
        "content_warning": value.content_warning,
        "language": value.language,
        "written_at": rfc3339(value.written_ms),
    }


class HistoryResource:
    """`/v1/twoots/{id}/history`."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits

    @operation("Read what a twoot said", auth=Auth.OPTIONAL, answers={200: HistoryShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        found = self._edits.history(params.id_of(id, "twoot"), req.context.viewer)
        resp.media = {"items": [edit(value) for value in found]}
