"""Timelines over HTTP: public, by hashtag, by account."""

from __future__ import annotations

from functools import partial

import falcon
from pydantic import BaseModel

from twooter.api import params
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.twoots import ItemShape, TwootShape
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.domain import grammar
from twooter.domain.twoots import is_alone
from twooter.services import versions
from twooter.services.homes import Homes
from twooter.services.timelines import Timelines


class TwootPage(BaseModel):
    """A page of twoots, newest first; with a token it may be shorter than asked for, and still have a `next`."""

    items: list[TwootShape]
    next: str | None
    prev: str | None


class TimelinePage(BaseModel):
    """A page of twoots and retwoots, newest first; it may be shorter than asked for, and still have a `next`."""

    items: list[ItemShape]
    next: str | None
    prev: str | None


class TimelineResource:
    """What the timelines share: where to read, how to show."""

    def __init__(self, timelines: Timelines, lists: Lists, fragments: Fragments) -> None:
        self._timelines = timelines
        self._lists = lists
        self._fragments = fragments


class HomeTimeline:
    """`/v1/timelines/home`."""

    def __init__(self, homes: Homes, lists: Lists, fragments: Fragments) -> None:
        self._homes = homes
        self._lists = lists
        self._fragments = fragments

    @operation(
        "Read one's home timeline: what oneself and those one follows do",
        auth=Auth.REQUIRED,
        query=PageQuery,
        answers={200: TimelinePage},
        proved_with_answer=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read; again where it turns out meanwhile that the viewer follows hashtags by now."""
        query, viewer = params.query(req, PageQuery), req.context.viewer
        self._lists.answer(req, resp, query, partial(self._homes.page, viewer), self._fragments.item)
        proved = req.context.viewer
        if proved.follows_hashtags != viewer.follows_hashtags:
            self._lists.answer(req, resp, query, partial(self._homes.page, proved), self._fragments.item)


class PublicTimeline(TimelineResource):
    """`/v1/timelines/public`."""

    @operation(
        "Read the public timeline",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: TwootPage},
        cached=True,
        proved_with_answer=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        query = params.query(req, PageQuery)
        self._lists.answer(
            req,
            resp,
            query,
            self._timelines.public,
            self._fragments.render,
            version=versions.PUBLIC,
            seen_by=self._timelines.seen_by,
        )


class HashtagTimeline(TimelineResource):
    """`/v1/timelines/tags/{tag}`."""

    @operation(
        "Read a hashtag's timeline",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: TwootPage},
        cached=True,
        proved_with_answer=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, tag: str) -> None:
        """Read."""
        query, key = params.query(req, PageQuery), grammar.tag_key(tag)
        read = partial(self._timelines.hashtag, key)
        self._lists.answer(
            req,
            resp,
            query,
            read,
            self._fragments.render,
            version=versions.of_hashtag(key),
            seen_by=self._timelines.seen_by,
            is_alone=lambda found: all(map(is_alone, found.items)),
        )


class AccountTimeline(TimelineResource):
    """`/v1/accounts/{id}/twoots`."""

    @operation(
        "Read an account's twoots and retwoots",
        auth=Auth.OPTIONAL,
        query=PageQuery,
        answers={200: TimelinePage},
        errors=(404,),
        cached=True,
        proved_with_answer=True,
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Read."""
        query, account_id = params.query(req, PageQuery), params.id_of(id, "account")
        self._lists.answer(
            req,
            resp,
            query,
            partial(self._timelines.account_page, account_id),
            self._fragments.item,
            version=versions.of_author(account_id),
            seen_by=partial(self._timelines.account_seen_by, account_id),
            is_alone=lambda found: found.is_alone,
        )
