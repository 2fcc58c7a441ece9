"""Accounts over HTTP: the shape of an account."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from twooter.api.times import rfc3339
from twooter.domain import ids
from twooter.domain.accounts import Account


class AccountCounts(BaseModel):
    """How much an account has done."""

    twoots: int
    followers: int
    following: int


class AccountShape(BaseModel):
    """An account as everybody sees it."""

    id: str
    username: str
    display_name: str
    bio: str
    created_at: str
    bot: bool
    protected: bool
    counts: AccountCounts


def account(value: Account) -> dict[str, Any]:
    """Return the shape of an account."""
    return {
        "id": str(value.id),
        "username": value.username,
        "display_name": value.display_name,
        "bio": value.bio,
        "created_at": rfc3339(ids.time_ms(value.id)),
        "bot": value.bot,
        "protected": value.protected,
        "counts": {
            "twoots": max(0, value.twoots),
            "followers": max(0, value.followers),
            "following": max(0, value.following),
        },
    }
