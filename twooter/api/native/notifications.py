"""Notifications over HTTP: lists, how many are unread, up to where they are read; muted conversations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import falcon
from pydantic import BaseModel, BeforeValidator, Field

from twooter.api import params
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.scheduled import ScheduledShape, scheduled
from twooter.api.native.twoots import AuthorShape, TwootShape, author
from twooter.api.operations import Auth, operation
from twooter.api.params import PageQuery
from twooter.api.times import rfc3339
from twooter.domain import ids
from twooter.domain.notifications import MAX_ACCOUNTS, WINDOW, Kind, Notification
from twooter.domain.twoots import Card
from twooter.errors import Invalid
from twooter.services.notifications import MAX_UNREAD, Notifications

Type = Literal[
    "mention", "reply", "like", "retwoot", "quote", "follow", "follow_request", "poll", "scheduled_refused"
]


def _split(value: Any) -> Any:  # Any: what a query or a default gives
    return [part for text in value for part in text.split(",")] if isinstance(value, list) else value


def _flag(value: Any) -> Any:  # Any: idem
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("must be true or false")
        return value == "true"
    return value


class NotificationsQuery(PageQuery):
    """Which notifications to list, and how."""

    types: Annotated[list[Type], BeforeValidator(_split)] = Field(
        [], description="Only these; given several times, or with commas between them."
    )
    grouped: Annotated[bool, BeforeValidator(_flag)] = Field(
        False,
        description="Whether those of the same type and twoot are joined, as far as they are within the notifications "
        f"that a page is made of: those that follow its cursor, until there are `limit` groups, and {WINDOW} at most. "
        "Pages follow each other without gap or overlap; what a later page holds of the same twoot is a group again.",
    )

    def kinds(self) -> list[Kind]:
        """Return the kinds to list."""
        return sorted({Kind[name.upper()] for name in self.types})


class NotificationShape(BaseModel):
    """What others did that concerns the viewer."""

    id: str = Field(description="Of the newest one, where several are joined.")
    type: Type
    created_at: str
    accounts: list[AuthorShape] = Field(
        description=f"Who did it, newest first; {MAX_ACCOUNTS} at most. The viewer where it is of its scheduled twoot."
    )
    count: int = Field(description="How many did it; 1 unless grouped.")
    twoot: TwootShape | None = Field(
        description="The viewer's own that was liked or retwooted, else what the other one wrote; null for follows."
    )
    scheduled: ScheduledShape | None = Field(
        description="For `scheduled_refused` the viewer's twoot that was not published, and why; once it is cancelled "
        "or has another time, the notification is gone."
    )
    read: bool


class NotificationPage(BaseModel):
    """A page of notifications, newest first; it may be shorter than asked for, and still have a `next`."""

    items: list[NotificationShape]
    next: str | None
    prev: str | None


class UnreadShape(BaseModel):
    """How many notifications are unread."""

    count: int = Field(
        description=f"Among the newest {MAX_UNREAD} unread ones; those that are not shown do not count."
    )
    more: bool = Field(description="Whether there are unread ones beyond these.")


class ReadBody(params.Body):
    """Up to where notifications are read."""

    id: str = Field(
        max_length=20,
        description="Id of a notification: it and all older ones are read. An earlier one than before changes nothing, "
        "one of the future means all that there are.",
    )

    def position(self) -> int:
        """Return the id.

        Raises: Invalid for what is no id.
        """
        id_ = ids.parse(self.id)
        if id_ is None:
            raise Invalid.field("id", "no_id", "Send the id of a notification.")
        return id_


def notification(value: Notification, twoot: Callable[[Card], Any]) -> dict[str, Any]:
    """Return the shape of a notification, its twoot as `twoot` has it."""
    return {
        "id": str(value.id),
        "type": value.kind.name.lower(),
        "created_at": rfc3339(ids.time_ms(value.id)),
        "accounts": [author(one) for one in value.accounts],
        "count": value.count,
        "twoot": None if value.card is None else twoot(value.card),
        "scheduled": None if value.scheduled is None else scheduled(value.scheduled),
        "read": value.read,
    }


class NotificationsResource:
    """`/v1/notifications`."""

    def __init__(self, notifications: Notifications, lists: Lists, fragments: Fragments) -> None:
        self._notifications = notifications
        self._lists = lists
        self._shape = partial(notification, twoot=fragments.render)

    @operation(
        "List what others did that concerns one",
        auth=Auth.REQUIRED,
        query=NotificationsQuery,
        answers={200: NotificationPage},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List."""
        query = params.query(req, NotificationsQuery)
        read = partial(self._notifications.page, req.context.viewer, query.kinds(), grouped=query.grouped)
        self._lists.answer(req, resp, query, read, self._shape)


class UnreadResource:
    """`/v1/notifications/unread`."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    @operation("Count unread notifications", auth=Auth.REQUIRED, answers={200: UnreadShape})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count."""
        found = self._notifications.unread(req.context.viewer)
        resp.media = {"count": found.count, "more": found.more}


class ReadResource:
    """`/v1/notifications/read`."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    @operation(
        "Mark notifications as read, up to one", auth=Auth.REQUIRED, body=ReadBody, answers={204: None}
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Mark."""
        self._notifications.mark_read(req.context.viewer, params.body(req, ReadBody).position())
        resp.status = falcon.HTTP_204


class MutedThreadResource:
    """`/v1/twoots/{id}/mute`."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    @operation(
        "Hear no more of a twoot's conversation", auth=Auth.REQUIRED, answers={204: None}, errors=(404,)
    )
    def on_put(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Mute."""
        self._notifications.mute_thread(req.context.viewer, params.id_of(id, "twoot"))
        resp.status = falcon.HTTP_204

    @operation("Hear of a twoot's conversation again", auth=Auth.REQUIRED, answers={204: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Unmute."""
        self._notifications.unmute_thread(req.context.viewer, params.id_of(id, "twoot"))
        resp.status = falcon.HTTP_204
