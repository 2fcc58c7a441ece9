"""Scheduled twoots: what is to be published later, by when, and what became of it where that was refused."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain import ids
from twooter.domain.twoots import Draft
from twooter.domain.windows import DAY_MS
from twooter.errors import FieldError

MAX_SCHEDULED = 100
"""Of one account, those that were refused included."""
MIN_AHEAD_MS, MAX_AHEAD_MS = 60_000, 180 * DAY_MS
REFUSED_KEPT_MS = 30 * DAY_MS
MAX_TRIES = 5
"""Of what fails for no reason that its author could mend."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a twoot was not published when its time had come."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ScheduledTwoot:
    """A twoot that is published at `at_ms`, unless it was refused then; its id is not the twoot's."""

    id: int
    account_id: int
    at_ms: int
    draft: Draft
    version: int = 1
    tries: int = 0
    refusal: Refusal | None = None
    idempotency_key: str | None = None

    @property
    def created_ms(self) -> int:
        """Return when it was scheduled."""
        return ids.time_ms(self.id)


def check_time(at_ms: int, now_ms: int) -> list[FieldError]:
    """Return what is wrong with the time at which a twoot is to be published."""
    if now_ms + MIN_AHEAD_MS <= at_ms <= now_ms + MAX_AHEAD_MS:
        return []
    detail = f"Choose a time from one minute to {MAX_AHEAD_MS // DAY_MS} days ahead."
    return [FieldError("scheduled_at", "bad_time", detail)]
