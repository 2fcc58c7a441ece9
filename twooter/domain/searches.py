"""Searches: what people ask for, out of any text whatever, and the keys by which accounts are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import regex

from twooter.domain import grammar, words
from twooter.domain.twoots import Twoot
from twooter.domain.windows import DAY_MS

MAX_QUERY = 200
"""Characters of a query."""
MAX_TOKENS = 32
"""Words of a query; further ones are passed over."""
MAX_NAME = 30
"""Characters of a key by which an account is found."""
_MAX_NAME_WORDS = 8
MAX_NAMES = 2 * _MAX_NAME_WORDS
"""Keys of one account."""

_QUOTES = '"“”„‟«»\uff02'
_TERM = regex.compile(rf"[{_QUOTES}](?P<phrase>[^{_QUOTES}]*+)[{_QUOTES}]?|(?P<term>[^\s{_QUOTES}]++)")
_DATED = re.compile(r"(since|until):([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII | re.IGNORECASE)
_FROM = re.compile(r"from:@?([a-z0-9_]{1,30})", re.ASCII | re.IGNORECASE)
_UNIX_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: all of it must be so. Times are Unix milliseconds, from `since_ms` on, before `until_ms`.

    A phrase is a sequence of tokens that stand side by side, mostly one.
    """

    phrases: tuple[tuple[str, ...], ...] = ()
    authors: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None


def parse(text: str) -> Query:
    """Return the query of any text: what is no filter is words, what holds no word is passed over."""
    found: list[tuple[str, ...]] = []
    authors: dict[str, None] = {}
    since: list[int] = []
    until: list[int] = []
    for match in _TERM.finditer(text):
        term = match["term"]
        if term is None:
            found += words.phrases(match["phrase"])
        elif (time := _dated(term)) is not None:
            (since if time[0] == "since" else until).append(time[1])
        elif name := _FROM.fullmatch(term):
            authors.setdefault(name[1].lower())
        else:
            found += _of_term(term)
    return Query(tuple(_bounded(found)), tuple(authors), max(since, default=None), min(until, default=None))


def document(twoot: Twoot, tag_keys: Sequence[str], options: Sequence[str] = ()) -> str:
    """Return the tokens by which a twoot, and what its poll may be answered with, is found, within the window of its
    time.
    """
    tokens = words.sequence(twoot.text)
    if twoot.content_warning is not None:
        tokens = [*words.sequence(twoot.content_warning), words.BREAK, *tokens]
    for option in options:
        tokens += [words.BREAK, *words.sequence(option)]
    tokens += [*map(words.of_tag, tag_keys), words.of_author(twoot.author_id)]
    end = words.within("", words.window_of(twoot.id))
    return f"{end} ".join(tokens) + end


def names_of(username: str, display_name: str) -> list[str]:
    """Return the keys by whose beginnings an account is found: its names from each of their words on."""
    found: set[str] = set()
    for name in (username, display_name):
        parts = list(words.of_text(name.replace("_", " ")))[:_MAX_NAME_WORDS]
        found.update(" ".join(parts[at:])[:MAX_NAME].rstrip() for at in range(len(parts)))
    return sorted(found)


def name_prefix(text: str) -> str:
    """Return how the keys of the accounts begin that a text asks for; empty when it asks for none."""
    return " ".join(words.of_text(text.replace("_", " ")))[:MAX_NAME].rstrip()


@dataclass(frozen=True, slots=True, order=True)
class NamePlace:
    """A place in the list of all accounts' keys; as a number it fits into a cursor."""

    name: str
    account_id: int

    @property
    def number(self) -> int:
        """Return the place as a number."""
        return int.from_bytes(b"\1" + self.name.encode() + self.account_id.to_bytes(8, "big"), "big")

    @classmethod
    def of(cls, number: int) -> NamePlace:
        """Return the place of a number that one was made into."""
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return cls(content[1:-8].decode(), int.from_bytes(content[-8:], "big"))


def _of_term(term: str) -> list[tuple[str, ...]]:
    if term[0] in "#＃":
        tags = grammar.parse(term).hashtags
        if tags:
            return [(words.of_tag(tag.key),) for tag in tags]
    return words.phrases(term)


def _dated(term: str) -> tuple[str, int] | None:
    """Return which filter of time a term is, and from or before when it lets pass; a day counts to its end."""
    match = _DATED.fullmatch(term)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match[2]).toordinal() - _UNIX_EPOCH
    except ValueError:
        return None
    which = match[1].lower()
    return which, (day + (which == "until")) * DAY_MS


def _bounded(phrases: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield phrases, each once, up to the number of tokens that a query may have."""
    left = MAX_TOKENS
    for phrase in dict.fromkeys(phrases):
        if left <= 0:
            return
        yield phrase[:left]
        left -= len(phrase)
