"""Actions: what an account does with a twoot besides writing one."""

from __future__ import annotations

import enum

MAX_PINS = 5
"""Twoots that an account can show first."""


class Kind(enum.IntEnum):
    """Kinds of actions; their numbers are kept."""

    LIKE = 1
    RETWOOT = 2
    BOOKMARK = 3
