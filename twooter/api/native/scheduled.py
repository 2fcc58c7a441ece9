"""The shape of a scheduled twoot."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from twooter.api.times import rfc3339
from twooter.domain.scheduled_twoots import ScheduledTwoot


class ScheduledPoll(BaseModel):
    """What a scheduled twoot will ask."""

    options: list[str]
    multiple: bool
    expires_at: str


class Refused(BaseModel):
    """Why a twoot was not published when its time had come."""

    code: str
    detail: str


class ScheduledShape(BaseModel):
    """A twoot that is yet to be published; only its author knows of it, and its id is not the twoot's."""

    id: str
    created_at: str
    scheduled_at: str
    text: str
    visibility: str
    content_warning: str | None
    language: str | None
    reply_to: str | None
    quote_of: str | None
    poll: ScheduledPoll | None
    refused: Refused | None = Field(
        description="It was not published, since what it answers or quotes was gone, for example; with another time it "
        "is tried again, and after 30 days it goes."
    )


def scheduled(value: ScheduledTwoot) -> dict[str, Any]:
    """Return the shape of a scheduled twoot."""
    draft, refusal = value.draft, value.refusal
    return {
        "id": str(value.id),
        "created_at": rfc3339(value.created_ms),
        "scheduled_at": rfc3339(value.at_ms),
        "text": draft.text,
        "visibility": draft.visibility.value,
        "content_warning": draft.content_warning,
        "language": draft.language,
        "reply_to": None if draft.reply_to is None else str(draft.reply_to),
        "quote_of": None if draft.quote_of is None else str(draft.quote_of),
        "poll": None
        if draft.poll is None
        else {
            "options": list(draft.poll.options),
            "multiple": draft.poll.multiple,
            "expires_at": rfc3339(draft.poll.ends_ms),
        },
        "refused": None if refusal is None else {"code": refusal.code, "detail": refusal.detail},
    }
