"""Actions over HTTP: like, retwoot, bookmark, pin; who did so, and what one did oneself."""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon
from pydantic import BaseModel

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.accounts import AccountShape, account
from twooter.api.native.timelines import TwootPage
from twooter.api.native.twoots import TwootShape, twoot
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.domain.actions import Kind
from twooter.services.actions import Actions
from twooter.services.limits import Limits
from twooter.services.pins import Pins

_OF_ONE = {"auth": Auth.REQUIRED, "answers": {200: TwootShape}}
Limited = tuple[Limits, Clients]
"""What counts what an account does, and where it comes from."""


class DoerPage(BaseModel):
    """A page of accounts, who came last first; it may be shorter than asked for, and still have a `next`."""

    items: list[AccountShape]
    next: str | None
    prev: str | None


class ActionResource:
    """What likes, retwoots and bookmarks share: the way there and back."""

    kind: Kind

    def __init__(self, actions: Actions, limited: Limited, *, public_url: str) -> None:
        self._actions = actions
        self._limits, self._clients = limited
        self._public_url = public_url

    def _act(self, req: falcon.Request, resp: falcon.Response, id_: str) -> None:
        self._answer(req, resp, id_, self._actions.act)

    def _undo(self, req: falcon.Request, resp: falcon.Response, id_: str) -> None:
        self._answer(req, resp, id_, self._actions.undo)

    def _answer(self, req: falcon.Request, resp: falcon.Response, id_: str, do: Any) -> None:
        number, request_id = params.id_of(id_, "twoot"), req.context.request_id
        self._limits.action(req.context.viewer.account_id, self._clients.of(req))
        card = do(req.context.viewer, self.kind, number, request_id=request_id)
        resp.media = twoot(card, public_url=self._public_url)


class LikeResource(ActionResource):
    """`/v1/twoots/{id}/like`."""

    kind = Kind.LIKE

    @operation("Like a twoot", errors=(429,), **_OF_ONE)
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Like."""
        self._act(req, resp, id)

    @operation("Take one's like back", errors=(429,), **_OF_ONE)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Take back."""
        self._undo(req, resp, id)


class RetwootResource(ActionResource):
    """`/v1/twoots/{id}/retwoot`."""

    kind = Kind.RETWOOT

    @operation("Retwoot what everybody may see", errors=(403, 429), **_OF_ONE)
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Retwoot."""
        self._act(req, resp, id)

    @operation("Take one's retwoot back", errors=(429,), **_OF_ONE)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Take back."""
        self._undo(req, resp, id)


class BookmarkResource(ActionResource):
    """`/v1/twoots/{id}/bookmark`."""

    kind = Kind.BOOKMARK

    @operation("Bookmark a twoot; nobody else sees it", errors=(429,), **_OF_ONE)
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Bookmark."""
        self._act(req, resp, id)

    @operation("Take one's bookmark away", errors=(429,), **_OF_ONE)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Take away."""
        self._undo(req, resp, id)


class PinResource:
    """`/v1/twoots/{id}/pin`."""

    def __init__(self, pins: Pins, limited: Limited, *, public_url: str) -> None:
        self._pins = pins
        self._limits, self._clients = limited
        self._public_url = public_url

    @operation("Pin one's own twoot to one's profile, five at most", errors=(403, 409, 429), **_OF_ONE)
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Pin."""
        number, viewer = params.id_of(id, "twoot"), req.context.viewer
        self._limits.action(viewer.account_id, self._clients.of(req))
        card = self._pins.pin(viewer, number)
        resp.media = twoot(card, public_url=self._public_url)

    @operation("Take a pin off one's own twoot", errors=(403, 429), **_OF_ONE)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Take off."""
        number, viewer = params.id_of(id, "twoot"), req.context.viewer
        self._limits.action(viewer.account_id, self._clients.of(req))
        card = self._pins.unpin(viewer, number)
        resp.media = twoot(card, public_url=self._public_url)


class PinsResource:
    """`/v1/accounts/{id}/pins`."""

    def __init__(self, pins: Pins, *, public_url: str) -> None:
        self._pins = pins
        self._public_url = public_url

    @operation(
        "Read what an account has pinned, all on one page",
        auth=Auth.OPTIONAL,
        answers={200: TwootPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        cards = self._pins.of(params.id_of(id, "account"), req.context.viewer)
        shapes = [twoot(card, public_url=self._public_url) for card in cards]
        resp.media = {"items": shapes, "next": None, "prev": None}


class DoersResource:
    """What lists of those who did something with a twoot share."""

    kind: Kind

    def __init__(self, actions: Actions, lists: Lists) -> None:
        self._actions = actions
        self._lists = lists

    def _read(self, req: falcon.Request, resp: falcon.Response, id_: str) -> None:
        query, number = params.query(req, PageQuery), params.id_of(id_, "twoot")
        read = partial(self._actions.doers, number, self.kind, viewer=req.context.viewer)
        self._lists.answer(req, resp, query, read, account)


class LikersResource(DoersResource):
    """`/v1/twoots/{id}/likes`."""

    kind = Kind.LIKE

    @operation(
        "Read who likes a twoot", auth=Auth.OPTIONAL, query=PageQuery, answers={200: DoerPage}, cached=True
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        self._read(req, resp, id)


class RetwootersResource(DoersResource):
    """`/v1/twoots/{id}/retwoots`."""

    kind = Kind.RETWOOT

    @operation(
        "Read who has retwooted a twoot",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: DoerPage},
        cached=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        self._read(req, resp, id)


class DoneResource:
    """What lists of one's own doing share."""

    kind: Kind

    def __init__(self, actions: Actions, lists: Lists, fragments: Fragments) -> None:
        self._actions = actions
        self._lists = lists
        self._fragments = fragments

    def _read(self, req: falcon.Request, resp: falcon.Response) -> None:
        query = params.query(req, PageQuery)
        read = partial(self._actions.done, req.context.viewer, self.kind)
        self._lists.answer(req, resp, query, read, self._fragments.render)


class MyLikesResource(DoneResource):
    """`/v1/me/likes`."""

    kind = Kind.LIKE

    @operation(
        "Read what one likes, the last liked first",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: TwootPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        self._read(req, resp)


class BookmarksResource(DoneResource):
    """`/v1/bookmarks`."""

    kind = Kind.BOOKMARK

    @operation(
        "Read one's bookmarks, the last one first",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: TwootPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        self._read(req, resp)
