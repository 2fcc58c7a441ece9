"""Words: what texts are cut into to be found, the same for whoever indexes and whoever asks, on every database.

Letters, marks and digits make words, in NFKC and case folded; each pictograph is a word. Scripts without spaces between
words are cut into pairs of neighbours. What an index keeps are tokens: a letter for their kind and ASCII letters and
digits, longer than three, so that no database's own idea of a word, its shortest one or its stop words matter.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

import regex

MAX_INDEXED = 2_000
"""Tokens of one text: a message may be much longer than a twoot."""
BREAK = "zz"
"""A token that nobody asks for: what stands on its two sides is no phrase."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30FC"
# what only turns a character into an emoji is no part of a word
_RUN = regex.compile(
    rf"(?P<unspaced>[{_UNSPACED}]++)"
    rf"|(?P<word>[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}\uFE00-\uFE0F\u20E3]]++)"
    r"|(?P<sign>\p{Extended_Pictographic})",
    regex.VERSION1,
)
_MAX_PLAIN = 40
_ASCII_WORD = re.compile(r"[a-z0-9]+")
"""What `_RUN` finds in ASCII, at a third of the time."""


def of_text(text: str) -> Iterator[str]:
    """Yield the words of a text in its order, as people would read them."""
    for _, run in _runs(text):
        yield run


def sequence(text: str) -> list[str]:
    """Return a text's tokens in its order, as they are indexed: the first 2,000, and its single characters after them.

    Single characters are of scripts without spaces, each once: a pair of neighbours does not find one of them alone.
    """
    singles: dict[str, None] = {}

    def in_order() -> Iterator[str]:
        for is_unspaced, run in _runs(text):
            if is_unspaced:
                singles.update(dict.fromkeys(run))
            yield from _tokens(run, is_unspaced=is_unspaced)

    found = list(islice(in_order(), MAX_INDEXED))
    return [*found, BREAK, *map(_single, islice(singles, MAX_INDEXED))] if singles else found


def phrases(text: str) -> list[tuple[str, ...]]:
    """Return what must be found for a text to be found: sequences of tokens that stand side by side."""
    found: list[tuple[str, ...]] = []
    current: list[str] = []
    for is_unspaced, run in _runs(text):
        if is_unspaced and len(run) == 1:  # there it is half of a pair, with whatever neighbour
            found += [tuple(current), (_single(run),)]
            current = []
        else:
            current += _tokens(run, is_unspaced=is_unspaced)
    return [phrase for phrase in (*found, tuple(current)) if phrase]


def of_tag(key: str) -> str:
    """Return the token of a hashtag's key."""
    return _token("t", key)


def of_author(account_id: int) -> str:
    """Return the token of what an account wrote."""
    return f"f{account_id:03d}"


_WINDOW_SHIFT = 22 + 24
"""2^24 ms, 4.7 hours: for each an index keeps tokens of its own, so that a search reads what it looks at alone."""


def window_of(id_: int) -> int:
    """Return the window of time that an id is of."""
    return id_ >> _WINDOW_SHIFT


def first_id(window: int) -> int:
    """Return the smallest id of a window."""
    return window << _WINDOW_SHIFT


def within(token: str, window: int) -> str:
    """Return a token as it is kept within a window of time."""
    return f"{token}_{window}"


def normal(text: str) -> str:
    """Return a text as it is compared: compatible forms are one, and so are capitals and small letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    if text.isascii():
        for run in _ASCII_WORD.findall(text.lower()):
            yield False, run
        return
    for match in _RUN.finditer(normal(text)):
        yield match.lastgroup == "unspaced", match.group()


def _tokens(run: str, *, is_unspaced: bool) -> Iterator[str]:
    if not is_unspaced or len(run) == 1:
        yield _token("w", run)
        return
    for at in range(len(run) - 1):
        yield _token("w", run[at : at + 2])


def _single(character: str) -> str:
    return _token("u", character)


def _token(kind: str, word: str) -> str:
    """Return a token: plain where ASCII can say it, else a hash of 64 bits."""
    if len(word) <= _MAX_PLAIN and word.isascii() and word.isalnum():
        return f"{kind}p{word}"
    return f"{kind}h{hashlib.blake2b(word.encode(errors='surrogatepass'), digest_size=8).hexdigest()}"
