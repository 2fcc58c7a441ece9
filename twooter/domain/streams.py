"""Live updates: the topics one may listen to, what their logs hold, and positions in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from twooter.domain.grammar import MAX_KEY, tag_key
from twooter.errors import BadRequest

MAX_TOPICS = 10
TICKET_SECONDS = 30
_PLAIN = ("home", "notifications", "public")
_POSITION = re.compile(r"([0-9]{1,15})-([0-9]{1,10})(?:\.([0-9]{1,2}))?", re.ASCII)


class Position(NamedTuple):
    """A place in a log: the log's time in Unix milliseconds, and a number within it."""

    ms: int
    number: int


class Mark(NamedTuple):
    """The last event that a listener has: its position, and which of the listener's topics it is of."""

    position: Position
    topic: int

    def __str__(self) -> str:
        """Return an event's id."""
        return f"{self.position.ms}-{self.position.number}.{self.topic}"


START = 99
"""The topic of a mark that is before all events of its millisecond."""


class Pointer(NamedTuple):
    """What an event is of; its kind says what the numbers are."""

    kind: str
    numbers: tuple[int, ...] = ()


BEGIN = "b"
"""Where a log begins: nothing before it is known."""
TWOOT = "t"
"""A twoot's id, and its author's."""
RETWOOT = "r"
"""A retwoot's own id, and whose it is."""
NOTIFICATION = "n"
"""A notification's kind, twoot and actor; the log says whose it is."""
CHANGED = "c"
"""As a twoot; it was edited, hidden, or has gone: which of them is found out when it is sent."""
TAKEN_BACK = "w"
"""As a retwoot; it is none any more."""
GONE = "g"
"""An account that was suspended, or is being deleted."""

ACCOUNTS = "accounts"
"""The log of accounts that went, which everybody reads who listens: nobody knows where they were shown."""


class News(NamedTuple):
    """An entry of a log."""

    log: str
    position: Position
    pointer: Pointer


def pack(pointer: Pointer) -> bytes:
    """Return a pointer as the logs keep it."""
    return " ".join((pointer.kind, *map(str, pointer.numbers))).encode()


def unpack(packed: bytes) -> Pointer:
    """Return the pointer that `pack` packed."""
    kind, *numbers = packed.decode().split(" ")
    return Pointer(kind, tuple(map(int, numbers)))


def parse_position(text: str) -> Position | None:
    """Return the position of a log's own id."""
    match = _POSITION.fullmatch(text)
    return None if match is None else Position(int(match[1]), int(match[2]))


def parse_mark(text: str) -> Mark | None:
    """Return what an event's id marks, or None for what is no such id: the listener begins anew."""
    match, position = _POSITION.fullmatch(text), parse_position(text)
    if match is None or position is None:
        return None
    return Mark(position, START if match[3] is None else int(match[3]))


def parse_topics(text: str) -> tuple[str, ...]:
    """Return the topics of a list with commas, each once and hashtags by their key, in the list's order.

    Raises: BadRequest.
    """
    topics = tuple(dict.fromkeys(_topic(part.strip()) for part in text.split(",") if part.strip()))
    if not topics:
        raise _refusal("name at least one topic, such as topics=home,notifications.")
    if len(topics) > MAX_TOPICS:
        raise _refusal(f"name {MAX_TOPICS} topics at most.")
    return topics


def _topic(text: str) -> str:
    if text in _PLAIN:
        return text
    kind, _, name = text.partition(":")
    key = tag_key(name.removeprefix("#")) if len(name) <= MAX_KEY else ""
    if kind != "tag" or not key or any(not character.isprintable() for character in key):
        raise _refusal(f"a topic is {', '.join(_PLAIN)} or tag:NAME.")
    return f"tag:{key}"


def _refusal(detail: str) -> BadRequest:
    return BadRequest(f"topics: {detail}", code="bad_topics", field="topics")


def log_of(topic: str, account_id: int) -> str:
    """Return the log that an account's topic is read from."""
    return f"{topic}:{account_id}" if topic in ("home", "notifications") else topic


def log_by(account_id: int) -> str:
    """Return the log of what a popular account does, which those who follow it read beside their own."""
    return f"by:{account_id}"


def log_under(key: str) -> str:
    """Return the log of a hashtag's twoots that those who follow the hashtag read beside their own."""
    return f"under:{key}"


def is_missing(first: News | None, mark: Mark) -> bool:
    """Return whether a log whose oldest entry is `first` may have lost something that came after a mark."""
    return first is None or first.position.ms > mark.position.ms


def after(found: Sequence[News], mark: Mark, topic_of: dict[str, int]) -> list[News]:
    """Return what follows a mark, in the order of time.

    `found` is everything from the mark's millisecond on. What other topics have of that millisecond may come again,
    for its order among topics is not known: nothing is ever passed over.
    """
    fresh = (
        news
        for news in found
        if news.pointer.kind != BEGIN and (topic_of[news.log] != mark.topic or news.position > mark.position)
    )
    return sorted(fresh, key=lambda news: news.position)
