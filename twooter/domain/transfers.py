"""Transfers: what an account takes with it or brings along, worked on step by step; and what both may be."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from twooter.domain import ids
from twooter.domain.windows import DAY_MS

KEPT_MS = 7 * DAY_MS
"""How long an archive, or the account of an import, is kept once it is there."""
MAX_FAILURES = 5
"""Steps that may fail before nobody tries again."""
MAX_LINES = 10_000
"""Names of one import."""


class Kind(enum.IntEnum):
    """What is transferred."""

    TAKEOUT = 1
    """An account's own data, as an archive."""
    FOLLOWS = 2
    """A list of whom to follow."""


class State(enum.StrEnum):
    """How far a transfer has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer; `steps` grows with each, `items` were done, `size` is in bytes, `position` are JSON values."""

    account_id: int
    kind: Kind
    id: int
    state: State = State.RUNNING
    steps: int = 0
    failures: int = 0
    items: int = 0
    size: int = 0
    position: dict[str, Any] = field(default_factory=dict)  # Any: JSON values
    ended_ms: int | None = None
    expires_ms: int | None = None

    @property
    def created_ms(self) -> int:
        """Return when it was asked for, Unix milliseconds."""
        return ids.time_ms(self.id)

    def has_expired(self, now_ms: int) -> bool:
        """Return whether nobody finds it any more; whoever removes one lets it expire."""
        return self.expires_ms is not None and self.expires_ms <= now_ms


class Outcome(enum.StrEnum):
    """What became of a line of an import."""

    FOLLOWED = "followed"
    REQUESTED = "requested"
    """The account is protected and decides."""
    ALREADY = "already"
    """It was followed, or had been asked, before."""
    NOT_FOUND = "not_found"
    """There is no such account, or it blocks the one who asks."""
    BLOCKED = "blocked"
    """The one who asks blocks it."""
    ONESELF = "oneself"
    TOO_MANY = "too_many"
    """As many are followed as may be."""
    REPEATED = "repeated"
    """An earlier line names it."""
    ELSEWHERE = "elsewhere"
    """Its account is on another server."""
    BAD_NAME = "bad_name"
    """It is no username."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an import, counted from 1; without an outcome it is still to be done."""

    number: int
    username: str
    outcome: Outcome | None = None
