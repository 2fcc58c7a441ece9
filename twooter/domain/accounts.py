"""Accounts: their values, and what usernames, names, bios and passwords may be."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from twooter.domain import text
from twooter.errors import FieldError

# fmt: off
RESERVED = frozenset(
    [
        "about", "abuse", "account", "accounts", "admin", "administrator", "anonymous", "api",
        "app", "auth", "deleted", "docs", "everyone", "help", "home", "imported", "info", "login",
        "logout", "me", "messages", "moderator", "news", "null", "official", "postmaster",
        "privacy", "public", "root", "search", "security", "settings", "signin", "signup", "staff",
        "status", "support", "system", "terms", "timelines", "trends", "twooter", "undefined",
        "user", "users", "webmaster", "www",
    ]
)
# fmt: on
"""Names nobody can register."""

MIN_PASSWORD, MAX_PASSWORD = 8, 256
MAX_DISPLAY_NAME, MAX_BIO = 50, 160

_USERNAME = re.compile(r"[a-z0-9_]{1,30}", re.ASCII)


class Role(enum.StrEnum):
    """What an account may do beyond its own affairs."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"


class State(enum.StrEnum):
    """Whether an account takes part; only active ones are shown and can sign in."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as others see it."""

    id: int
    username: str
    display_name: str
    bio: str
    bot: bool
    protected: bool
    role: Role
    state: State
    version: int
    twoots: int
    followers: int
    following: int
    silenced: bool = False

    @property
    def author(self) -> Author:
        """Return what of it is shown beside its twoots."""
        return Author(self.id, self.username, self.display_name, self.version, self.protected, self.silenced)


@dataclass(frozen=True, slots=True)
class Author:
    """What of an account is shown beside its twoots; `version` moves with each change of it."""

    id: int
    username: str
    display_name: str
    version: int
    protected: bool = False
    silenced: bool = False
    """By moderators: shown where everybody's twoots are to its followers alone."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking, as the token proves it; an active account."""

    account_id: int
    username: str
    role: Role
    token_id: int
    email_confirmed: bool
    display_name: str = ""
    version: int = 1
    protected: bool = False
    follows_hashtags: bool = True
    """Whether to look for those it follows."""

    @property
    def moderates(self) -> bool:
        """Return whether the viewer may decide about what others do."""
        return self.role in (Role.MODERATOR, Role.ADMIN)

    @property
    def author(self) -> Author:
        """Return the viewer as the author of a twoot."""
        return Author(self.account_id, self.username, self.display_name, self.version, self.protected)


def username_key(name: str) -> str | None:
    """Return the form a username is kept and claimed in, or None where it is none: `[a-z0-9_]{1,30}` in lower case."""
    key = name.lower()
    return key if _USERNAME.fullmatch(key) else None


def check_username(name: str) -> list[FieldError]:
    """Return what is wrong with a username somebody wants."""
    key = username_key(name)
    if key is None:
        return [FieldError("username", "bad_username", "Use 1 to 30 of the characters a-z, 0-9 and _.")]
    if key in RESERVED:
        return [FieldError("username", "reserved", "This name is reserved; choose another.")]
    return []


def check_password(password: str) -> list[FieldError]:
    """Return what is wrong with a new password."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return [FieldError("password", "bad_length", f"Use {MIN_PASSWORD} to {MAX_PASSWORD} characters.")]
    return text.check_storable("password", password)


def check_profile(display_name: str | None, bio: str | None) -> list[FieldError]:
    """Return what is wrong with new names and bios."""
    errors: list[FieldError] = []
    if display_name is not None:
        errors += text.check_line("display_name", display_name, max_graphemes=MAX_DISPLAY_NAME)
    if bio is not None:
        errors += text.check_text("bio", bio, max_graphemes=MAX_BIO, min_graphemes=0)
    return errors
