"""Imports over HTTP: bring a list of whom to follow along, look how far it is, read what became of each line."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

import falcon
from pydantic import BaseModel, BeforeValidator, Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.lists import Lists
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain import follow_lists
from twooter.domain.transfers import MAX_LINES, Line, Outcome, State, Transfer
from twooter.services.follow_imports import FollowImports, outcomes_of, total_of
from twooter.services.limits import Limits

MAX_BODY_BYTES = 4_194_304
"""What an archive says of ten thousand accounts, whatever these call themselves."""
CSV = "text/csv"


class Followed(BaseModel):
    """Somebody whom an archive names; what else it says is passed over."""

    username: str = Field(max_length=follow_lists.MAX_NAME)


def _name(value: Any) -> Any:  # Any: JSON
    return value["username"] if isinstance(value, dict) and "username" in value else value


Name = Annotated[
    str,
    Field(max_length=follow_lists.MAX_NAME),
    BeforeValidator(
        _name, json_schema_input_type=Annotated[str, Field(max_length=follow_lists.MAX_NAME)] | Followed
    ),
]
"""A username, or whom it is of."""
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_LINES)]


class ImportBody(params.Body):
    """Whom to follow."""

    bare_list: ClassVar[str | None] = "usernames"
    usernames: Names = Field(
        description=f"Up to {MAX_LINES:,} usernames, with or without an `@` before them and `@` with this host behind. "
        "An archive's `following.json` is sent as it is: a list of objects that have a `username`. As "
        f"`{CSV}` they are one a line, the first field of each, with or without a header such as `Account address`.",
    )


class ImportShape(BaseModel):
    """A list of whom to follow, and how far it is worked through."""

    id: str
    state: State
    created_at: str
    ended_at: str | None
    expires_at: str | None
    lines: int
    lines_done: int
    outcomes: dict[Outcome, int] = Field(description="How many lines have come to what.")


class ImportPage(BaseModel):
    """A page of imports, the newest first."""

    items: list[ImportShape]
    next: str | None
    prev: str | None


class LineShape(BaseModel):
    """A line of an import, counted from 1."""

    line: int
    username: str
    outcome: Outcome | None = Field(description="Null while it is still to be done.")


class LinePage(BaseModel):
    """A page of lines, in their order."""

    items: list[LineShape]
    next: str | None
    prev: str | None


def follow_import(value: Transfer) -> dict[str, Any]:
    """Return the shape of an import."""
    return {
        "id": str(value.id),
        "state": value.state.value,
        "created_at": rfc3339(value.created_ms),
        "ended_at": None if value.ended_ms is None else rfc3339(value.ended_ms),
        "expires_at": None if value.expires_ms is None else rfc3339(value.expires_ms),
        "lines": total_of(value),
        "lines_done": value.items,
        "outcomes": {outcome.value: count for outcome, count in outcomes_of(value).items()},
    }


def line(value: Line) -> dict[str, Any]:
    """Return the shape of a line."""
    outcome = None if value.outcome is None else value.outcome.value
    return {"line": value.number, "username": value.username, "outcome": outcome}


def _given(req: falcon.Request) -> ImportBody:
    csv = params.text(req, CSV)
    if csv is None:
        return params.body(req, ImportBody)
    return params.checked(ImportBody, {"usernames": follow_lists.names_of(csv, MAX_LINES)})


class FollowImportsResource:
    """`/v1/me/imports/following`."""

    def __init__(self, imports: FollowImports, limits: Limits, clients: Clients, lists: Lists) -> None:
        self._imports = imports
        self._limits = limits
        self._clients = clients
        self._lists = lists

    @operation(
        "Read which lists of whom to follow you have brought along",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: ImportPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._imports.fetch, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, follow_import)

    @operation(
        "Have the accounts of a list followed, as if you did it one by one",
        auth=Auth.REQUIRED,
        body=ImportBody | Names,
        text_body=CSV,
        answers={202: ImportShape},
        errors=(404, 422, 429),
        idempotent_by_key=True,
        max_body_bytes=MAX_BODY_BYTES,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask; while an import of yours is running, it is answered with that one."""
        given, viewer = _given(req), req.context.viewer
        self._limits.follow_import(viewer.account_id, self._clients.of(req))
        key, request_id = params.idempotency_key(req, given), req.context.request_id
        made = self._imports.request(viewer, given.usernames, idempotency_key=key, request_id=request_id)
        resp.status, resp.location = falcon.HTTP_202, f"/v1/me/imports/following/{made.id}"
        resp.media = follow_import(made)


class FollowImportResource:
    """`/v1/me/imports/following/{id}`."""

    def __init__(self, imports: FollowImports) -> None:
        self._imports = imports

    @operation("Read how far an import is", auth=Auth.REQUIRED, answers={200: ImportShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        resp.media = follow_import(self._imports.get(req.context.viewer, params.id_of(id, "import")))

    @operation(
        "Stop an import where it is, or forget what became of it",
        auth=Auth.REQUIRED,
        answers={204: None},
        errors=(404,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Stop."""
        number, request_id = params.id_of(id, "import"), req.context.request_id
        self._imports.remove(req.context.viewer, number, request_id=request_id)
        resp.status = falcon.HTTP_204


class FollowImportLinesResource:
    """`/v1/me/imports/following/{id}/lines`."""

    def __init__(self, imports: FollowImports, lists: Lists) -> None:
        self._imports = imports
        self._lists = lists

    @operation(
        "Read what became of each line of an import",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: LinePage},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, import_id = params.query(req, PageQuery), params.id_of(id, "import")
        read = partial(self._imports.lines, req.context.viewer, import_id)
        self._lists.answer(req, resp, query, read, line)
