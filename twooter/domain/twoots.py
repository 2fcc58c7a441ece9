"""Twoots: the post, the card that is shown, and what a text may be."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from twooter.domain import grammar, ids, text
from twooter.domain.accounts import Author
from twooter.domain.grammar import Hashtag
from twooter.errors import FieldError

MAX_GRAPHEMES = 280
MAX_MESSAGE_CODE_POINTS = 10_000
MAX_GIVEN_TAG = 255


class Visibility(enum.StrEnum):
    """Who may see a twoot."""

    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Parent:
    """The twoot that a reply answers."""

    id: int
    author_id: int


@dataclass(frozen=True, slots=True)
class Twoot:
    """A post as it is stored; `given_tag` is set on messages, whose text is not parsed."""

    id: int
    author_id: int
    text: str
    version: int = 1
    edited_ms: int | None = None
    visibility: Visibility = Visibility.PUBLIC
    language: str | None = None
    given_tag: str | None = None
    hashtags: tuple[str, ...] = ()
    parent: Parent | None = None
    replies: int = 0
    likes: int = 0
    retwoots: int = 0
    quotes: int = 0

    @property
    def created_ms(self) -> int:
        """Return when it was posted, Unix milliseconds."""
        return ids.time_ms(self.id)

    @property
    def tag(self) -> str | None:
        """Return the tag that messages show: the given one, else the first hashtag."""
        if self.given_tag is not None:
            return self.given_tag
        return self.hashtags[0] if self.hashtags else None


@dataclass(frozen=True, slots=True)
class Card:
    """A twoot with what is shown beside it."""

    twoot: Twoot
    author: Author


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to post."""

    text: str
    reply_to: int | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A post of the first version's routes: one given tag, kept as typed."""

    text: str
    tag: Hashtag


def check_draft(draft: Draft) -> list[FieldError]:
    """Return what is wrong with a text to publish, already cleaned."""
    return text.check_text("text", draft.text, max_graphemes=MAX_GRAPHEMES)


def check_message(body: str, tag: str) -> list[FieldError]:
    """Return what is wrong with a message; any text up to 255 characters is a tag, unless it is white space alone."""
    errors = text.check_storable("text", body) + text.check_storable("tag", tag)
    if not 1 <= len(body) <= MAX_MESSAGE_CODE_POINTS:
        errors.append(FieldError("text", "bad_length", f"Write 1 to {MAX_MESSAGE_CODE_POINTS} characters."))
    if not 1 <= len(tag) <= MAX_GIVEN_TAG:
        errors.append(FieldError("tag", "bad_length", f"Write 1 to {MAX_GIVEN_TAG} characters."))
    elif not grammar.tag_key(tag):
        errors.append(FieldError("tag", "empty", "Write a tag that is more than white space."))
    return errors
