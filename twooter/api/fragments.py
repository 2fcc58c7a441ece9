"""Fragments: twoots rendered once per version and process; counts and what is the viewer's are set in each time."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import NamedTuple

import orjson

from twooter.api.native import twoots
from twooter.api.native.polls import poll
from twooter.domain.twoots import Card, Flags, Item, Retwoot, Twoot

_KEPT = 2_000
"""A hundred pages, about 2 MB: what is read now. Whoever leafs through the past reads what nobody else does."""

_MOVING = (
    b',"counts":{"replies":%d,"likes":%d,"retwoots":%d,"quotes":%d},"quoted":%b,"poll":%b,"viewer":%b,'
    b'"moderation":%b}'
)
_FLAGS = {None: b"null"} | {
    (each := Flags(*done)): orjson.dumps(twoots.flags(each)) for done in product((False, True), repeat=3)
}
_HIDDEN = b'"hidden"'


class _Kept(NamedTuple):
    """What was rendered of a twoot: what is the same for everybody, and for those with certain flags all of it."""

    version: int
    author_version: int
    content: bytes
    twoot: Twoot
    flags: Flags | None
    fragment: orjson.Fragment


class Fragments:
    """Renders cards to JSON; what is kept is the same for everybody who may see the twoot."""

    def __init__(self, *, public_url: str) -> None:
        self._content = partial(twoots.content, public_url=public_url)
        self._kept: dict[int, _Kept] = {}

    def item(self, item: Item) -> object:
        """Return a timeline's row, to be put into a larger document by orjson."""
        return twoots.item(item, self.render) if isinstance(item, Retwoot) else self.render(item)

    def render(self, card: Card) -> orjson.Fragment:
        """Return a card's JSON, to be put into a larger document by orjson."""
        twoot, version = card.twoot, card.author.version
        kept = self._kept.get(twoot.id)
        if kept is not None and kept.author_version == version:
            # the same value in all, its counts included, which nothing else is shown with
            if kept.twoot is twoot and kept.flags is card.flags and card.is_plain:
                return kept.fragment
            content = kept.content if kept.version == twoot.version else self._rendered(card)
        else:
            content = self._rendered(card)
        fragment = self._moving(card, content)
        if len(self._kept) >= _KEPT:
            self._kept = {}
        self._kept[twoot.id] = _Kept(twoot.version, version, content, twoot, card.flags, fragment)
        return fragment

    def _rendered(self, card: Card) -> bytes:
        return orjson.dumps(self._content(card))[:-1]

    def _moving(self, card: Card, content: bytes) -> orjson.Fragment:
        twoot = card.twoot
        counts = (twoot.replies, twoot.likes, twoot.retwoots, twoot.quotes)
        if min(counts) < 0:
            replies, likes, retwoots, quotes = twoots.counts(card).values()
            counts = (replies, likes, retwoots, quotes)
        quoted = b"null" if twoot.quote is None else orjson.dumps(twoots.quoted(card, self.render))
        polled = (
            b"null" if card.poll is None else orjson.dumps(poll(card.poll, is_anonymous=card.flags is None))
        )
        return orjson.Fragment(
            content
            + _MOVING % (*counts, quoted, polled, _FLAGS[card.flags], _HIDDEN if twoot.hidden else b"null")
        )
