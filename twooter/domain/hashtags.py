"""Hashtags as analytics show them: totals, and uses by window."""

from __future__ import annotations

from dataclasses import dataclass

MAX_FOLLOWED = 100
"""Hashtags that one account follows."""


@dataclass(frozen=True, slots=True)
class HashtagWindow:
    """Uses in a window; distinct accounts are known only where the window is a day."""

    start_ms: int
    uses: int
    accounts: int | None


@dataclass(frozen=True, slots=True)
class HashtagHistory:
    """A hashtag by the spelling stored first, with its windows oldest first; `score` only where it trends."""

    name: str
    uses: int
    accounts: int
    last_used_ms: int | None
    windows: tuple[HashtagWindow, ...]
    score: float | None = None
