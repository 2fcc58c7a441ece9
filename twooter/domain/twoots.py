"""Twoots: the post, the card that is shown, and what a text may be."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from twooter.domain import grammar, ids, text
from twooter.domain.accounts import Author
from twooter.domain.grammar import Hashtag
from twooter.domain.polls import Poll, Standing
from twooter.errors import FieldError

MAX_GRAPHEMES = 280
MAX_WARNING = 100
MAX_ANCESTORS = 20
"""Steps up and down that a conversation is shown from one of its twoots; further ones are found from these."""
MAX_EDITS = 50
MAX_MENTIONS = 20
"""Accounts one twoot can reach by naming them; further names are text."""
MAX_MESSAGE_CODE_POINTS = 10_000
MAX_GIVEN_TAG = 255


class Visibility(enum.StrEnum):
    """Who may see a twoot."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    """Everybody who finds it: not on the public and the hashtags' timelines, nor in search and hashtags' statistics."""
    FOLLOWERS = "followers"
    """The author's followers and whom it mentions."""
    MENTIONED = "mentioned"
    """Whom it mentions, alone."""

    @property
    def is_open(self) -> bool:
        """Return whether everybody may see it, and so pass it on as a retwoot or a quote."""
        return self in (Visibility.PUBLIC, Visibility.UNLISTED)


@dataclass(frozen=True, slots=True)
class Ref:
    """A twoot that another one speaks of: the one it answers, or quotes."""

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
    parent: Ref | None = None
    quote: Ref | None = None
    root_id: int | None = None
    """The twoot its conversation began with; None where it is the first itself."""
    content_warning: str | None = None
    ancestors: tuple[Ref, ...] = ()
    """What it answers, and what that answers, nearest first; written with it and read by threads alone."""
    mention_ids: tuple[int, ...] = ()
    """Whom its text mentioned when it was written, as far as they have an account."""
    replies: int = 0
    likes: int = 0
    retwoots: int = 0
    quotes: int = 0
    hidden: bool = False
    """By moderators: shown to its author and to them alone."""
    has_poll: bool = False

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
class Flags:
    """What a viewer did with a twoot."""

    liked: bool = False
    retwooted: bool = False
    bookmarked: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A twoot with what is shown beside it, as somebody sees it.

    `quoted` is None also where the quoted twoot is gone or not for this viewer; `flags` are None for nobody.
    """

    twoot: Twoot
    author: Author
    quoted: Card | None = None
    flags: Flags | None = None
    poll: Standing | None = None

    @property
    def is_plain(self) -> bool:
        """Return whether it shows a twoot alone: no other one, and nothing that is each viewer's own."""
        return self.twoot.quote is None and not self.twoot.has_poll


@dataclass(frozen=True, slots=True)
class Retwoot:
    """A row of a timeline that shows somebody else's twoot again; it has an id, and so a time, of its own."""

    id: int
    by: Author
    card: Card


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a timeline before it is shown: whose doing it is, and of which twoot; of one's own with its id."""

    id: int
    by_id: int
    twoot: Ref


Item = Card | Retwoot
"""A row of a timeline."""


def is_alone(item: Item) -> bool:
    """Return whether a timeline's row shows nothing of another author: neither passes it on nor quotes."""
    return not isinstance(item, Retwoot) and item.twoot.quote is None


def item_id(item: Item) -> int:
    """Return what a timeline's row is ordered by."""
    return item.id if isinstance(item, Retwoot) else item.twoot.id


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to post."""

    text: str
    reply_to: int | None = None
    language: str | None = None
    quote_of: int | None = None
    visibility: Visibility = Visibility.PUBLIC
    content_warning: str | None = None
    poll: Poll | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A post of the first version's routes: one given tag, kept as typed."""

    text: str
    tag: Hashtag


def check_draft(draft: Draft) -> list[FieldError]:
    """Return what is wrong with a text to publish, already cleaned."""
    errors = text.check_text("text", draft.text, max_graphemes=MAX_GRAPHEMES)
    if draft.content_warning is not None:
        errors += text.check_line("content_warning", draft.content_warning, max_graphemes=MAX_WARNING)
    return errors


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
