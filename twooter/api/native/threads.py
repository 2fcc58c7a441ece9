"""Threads over HTTP: the conversation around a twoot."""

from __future__ import annotations

from typing import Literal

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.twoots import TwootShape
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.domain.twoots import Card
from twooter.services.threads import Threads


class GoneShape(BaseModel):
    """A twoot that was deleted, or is not for the viewer; it held the conversation together."""

    id: str
    type: Literal["gone"]


class ThreadShape(BaseModel):
    """A conversation."""

    ancestors: list[TwootShape | GoneShape] = Field(
        description="What the twoot answers, and what that answers, from the top on; at most 20, the nearest ones."
    )
    items: list[TwootShape] = Field(
        description="What answers the twoot, and what answers that, up to 20 steps down; oldest first. `reply_to` of "
        "each tells where it belongs. A page may be shorter than asked for, and still have a `next`."
    )
    next: str | None
    prev: str | None


class ThreadResource:
    """`/v1/twoots/{id}/thread`."""

    def __init__(self, threads: Threads, lists: Lists, fragments: Fragments) -> None:
        self._threads = threads
        self._lists = lists
        self._fragments = fragments

    @operation(
        "Read the conversation around a twoot",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: ThreadShape},
        errors=(404,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, id_ = params.query(req, PageQuery), params.id_of(id, "twoot")
        page = self._lists.page(req, query)
        thread = self._threads.get(id_, page, req.context.viewer)
        above = [self._ancestor(id_, card) for id_, card in thread.ancestors]
        self._lists.show(req, resp, query, thread.below, self._fragments.render, beside={"ancestors": above})

    def _ancestor(self, id_: int, card: Card | None) -> object:
        return {"id": str(id_), "type": "gone"} if card is None else self._fragments.render(card)
