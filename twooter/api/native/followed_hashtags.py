"""Followed hashtags over HTTP: follow one, follow it no more, list them."""

from __future__ import annotations

from functools import partial

import falcon
from pydantic import BaseModel

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.lists import Lists
from twooter.api.native.hashtags import HashtagShape, hashtag
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.domain.hashtags import MAX_FOLLOWED
from twooter.services.followed_hashtags import FollowedHashtags
from twooter.services.limits import Limits


class HashtagPage(BaseModel):
    """A page of hashtags, the last followed first, with their last seven days."""

    items: list[HashtagShape]
    next: str | None
    prev: str | None


class FollowedHashtagResource:
    """`/v1/hashtags/{tag}/follow`."""

    def __init__(self, followed: FollowedHashtags, limits: Limits, clients: Clients) -> None:
        self._followed = followed
        self._limits = limits
        self._clients = clients

    @operation(
        f"Follow a hashtag: its twoots enter your home timeline; you may follow {MAX_FOLLOWED}",
        auth=Auth.REQUIRED,
        answers={204: None},
        errors=(404, 409, 429),
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, tag: str) -> None:
        """Follow."""
        self._limits.graph_change(req.context.viewer.account_id, self._clients.of(req))
        self._followed.follow(req.context.viewer, tag)
        resp.status = falcon.HTTP_204

    @operation("Follow a hashtag no more", auth=Auth.REQUIRED, answers={204: None}, errors=(429,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, tag: str) -> None:
        """Unfollow."""
        self._limits.graph_change(req.context.viewer.account_id, self._clients.of(req))
        self._followed.unfollow(req.context.viewer, tag)
        resp.status = falcon.HTTP_204


class MyHashtagsResource:
    """`/v1/me/hashtags`."""

    def __init__(self, followed: FollowedHashtags, lists: Lists) -> None:
        self._followed = followed
        self._lists = lists

    @operation(
        "Read which hashtags you follow", auth=Auth.REQUIRED, query=PageQuery, answers={200: HashtagPage}
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        read = partial(self._followed.fetch, req.context.viewer)
        self._lists.answer(req, resp, params.query(req, PageQuery), read, hashtag)
