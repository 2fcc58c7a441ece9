"""Polls over HTTP: what is asked, and how a poll stands for whoever looks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.spans import Moment
from twooter.api.times import rfc3339
from twooter.domain.polls import MAX_OPTION, MAX_OPTIONS, MIN_OPTIONS, Poll, Standing


class PollBody(params.Body):
    """A poll to publish with a twoot."""

    options: list[Annotated[str, Field(max_length=2_000)]] = Field(
        min_length=MIN_OPTIONS,
        max_length=MAX_OPTIONS,
        description=f"Each 1 to {MAX_OPTION} characters on one line, and no two the same.",
    )
    multiple: bool = Field(False, description="Whether several options may be chosen.")
    expires_at: Moment = Field(
        description="When it ends: after the twoot is published, and at most 31 days later."
    )

    def poll(self) -> Poll:
        """Return what is asked."""
        return Poll(tuple(self.options), self.multiple, self.expires_at)


class PollOption(BaseModel):
    """What may be chosen."""

    text: str
    votes: int | None = Field(
        description="Null until the poll has ended, for whoever has not voted; its author sees it always."
    )


class PollViewer(BaseModel):
    """What the viewer voted for; follows at once, also in the votes that it sees."""

    voted: bool
    choices: list[int] = Field(description="Places of options; the first is 0.")


class PollShape(BaseModel):
    """A twoot's poll; counts follow within a second of a vote."""

    options: list[PollOption]
    multiple: bool
    expires_at: str
    expired: bool
    voters: int = Field(description="Accounts that have voted; those who chose several options count once.")
    viewer: PollViewer | None = Field(description="Null without a token.")


def poll(standing: Standing | None, *, is_anonymous: bool) -> dict[str, Any] | None:
    """Return the shape of a twoot's poll, None where it has none."""
    if standing is None:
        return None
    shown = standing.shows_votes
    options = zip(standing.poll.options, standing.votes, strict=True)
    choices = standing.choices
    viewer = {"voted": choices is not None, "choices": list(choices or ())}
    return {
        "options": [{"text": text, "votes": max(0, votes) if shown else None} for text, votes in options],
        "multiple": standing.poll.multiple,
        "expires_at": rfc3339(standing.poll.ends_ms),
        "expired": standing.ended,
        "voters": max(0, standing.voters),
        "viewer": None if is_anonymous else viewer,
    }
