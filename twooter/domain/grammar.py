"""The one grammar of hashtags, mentions and links in a twoot's text.

- A hashtag is `#` and 1 to 100 letters, marks, digits or underscores of any script, with a letter among them (`#1` is
  none). No such character, `#`, `&` or `/` may stand before the `#`; no such character or `#` after the hashtag, so
  that a longer word is none. Zero-width joiners may stand between its characters. `＃` counts as `#`. What only turns
  a character into an emoji (variation selectors, the keycap) is no mark here.
- A mention is `@` and a username, `[A-Za-z0-9_]{1,30}`, where no letter, mark, digit, `_`, `@`, `.` or `/` stands
  before the `@` and no letter, mark, digit or `@` follows; a dot followed by a letter makes it a mail address, not a
  mention.
- A link is `http://` or `https://`, a letter, digit or `[`, and what follows up to white space or `<>"`, without
  closing punctuation; a closing parenthesis stays where one was opened in the link. Nothing inside is read.

Two hashtags are the same when their keys are: NFKC, case folded, NFKC again, without white space around.
"""

from __future__ import annotations

import functools
import hashlib
import html
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

import regex

MAX_TAG = 100
MAX_KEY = 255

_LETTERS = r"\p{L}\p{M}\p{N}_--[\uFE00-\uFE0F\u20E3]"
_WORD = f"[{_LETTERS}]"
# possessive everywhere, and no two loops over the same characters: the time is linear in the text
_ENTITY = regex.compile(
    r"(?P<link>[hH][tT]{2}[pP][sS]?://[\p{L}\p{N}\[][^\s<>\"]*+)"
    rf"|(?<!{_WORD}|[#＃&/])[#＃](?P<tag>(?=[\p{{N}}_]*+\p{{L}})(?:{_WORD}(?:[\u200C\u200D](?={_WORD}))?){{1,{MAX_TAG}}}+)"
    rf"(?!{_WORD}|[#＃])"
    rf"|(?<!{_WORD}|[@./])@(?P<mention>[A-Za-z0-9_]{{1,30}}+)(?!{_WORD}|@|\.\p{{L}})",
    regex.VERSION1,
)
_REMEMBERED = 64
"""Texts: one that is published or shown is read several times in a row."""
_TRAILING = ".,:;!?)]}'\"…"


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag: the key it is matched by, the name as it was typed."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text; `kind` is `text`, `link`, `tag` or `mention`, and `value` what it names."""

    kind: str
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Entities:
    """What a text names, each once, in the order of first use."""

    hashtags: tuple[Hashtag, ...]
    mentions: tuple[str, ...]


def tag_key(name: str) -> str:
    """Return the key two spellings of a hashtag share, at most `MAX_KEY` characters; empty for white space alone.

    A key is often longer than the name (`ﷺ` becomes 18 characters): what would not fit ends in its hash. White space
    around it does not count: MySQL's collations compare as if trailing spaces were not there.
    """
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    if len(key) <= MAX_KEY:
        return key
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return f"{key[: MAX_KEY - len(digest)]}{digest}"


@functools.lru_cache(maxsize=_REMEMBERED)
def spans(text: str) -> tuple[Span, ...]:
    """Return the text cut into pieces; joined, their `text` is the text."""
    found: list[Span] = []
    at = 0
    for match in _ENTITY.finditer(text):
        kind = match.lastgroup or "text"
        value, end = match.group(kind), match.end()
        if kind == "link":
            value = _without_closing(value)
            end = match.start() + len(value)
        elif kind == "mention":
            value = value.lower()
        if match.start() > at:
            found.append(Span("text", text[at : match.start()], ""))
        found.append(Span(kind, text[match.start() : end], value))
        at = end
    if at < len(text):
        found.append(Span("text", text[at:], ""))
    return tuple(found)


def _without_closing(link: str) -> str:
    unopened = link.count(")") - link.count("(")
    end = len(link)
    while end and link[end - 1] in _TRAILING:
        if link[end - 1] == ")":
            if unopened <= 0:
                break
            unopened -= 1
        end -= 1
    return link[:end]


@functools.lru_cache(maxsize=_REMEMBERED)
def parse(text: str) -> Entities:
    """Return the hashtags and mentions of a text."""
    tags: dict[str, Hashtag] = {}
    mentions: dict[str, None] = {}
    if "#" not in text and "＃" not in text and "@" not in text:
        return Entities((), ())
    for span in spans(text):
        if span.kind == "tag":
            key = tag_key(span.value)
            tags.setdefault(key, Hashtag(key, span.value))
        elif span.kind == "mention":
            mentions.setdefault(span.value)
    return Entities(tuple(tags.values()), tuple(mentions))


def render(text: str, *, public_url: str, hashtags: bool = True) -> str:
    """Return safe HTML of a text: everything escaped, entities as links, line ends as `<br>`.

    Without `hashtags` these stay plain text, as in messages, which count for their given tag alone.
    """
    parts = []
    for span in spans(text):
        shown = html.escape(span.text)
        if span.kind == "link":
            shown = f'<a href="{html.escape(span.value)}" rel="nofollow noopener noreferrer ugc">{shown}</a>'
        elif span.kind == "tag" and hashtags:
            key = quote(tag_key(span.value), safe="")
            shown = f'<a href="{public_url}/v1/timelines/tags/{key}" rel="tag">{shown}</a>'
        elif span.kind == "mention":
            shown = (
                f'<a href="{public_url}/v1/accounts/lookup?username={html.escape(span.value)}">{shown}</a>'
            )
        parts.append(shown.replace("\n", "<br>"))
    return "".join(parts)
