"""Fragments: twoots rendered once per version and process; counts and what is the viewer's are set in each time."""

from __future__ import annotations

from functools import partial
from itertools import product

import orjson

from twooter.api.native import twoots
from twooter.api.native.polls import poll
from twooter.domain.twoots import Card, Flags, Item

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


class Fragments:
    """Renders cards to JSON; what is kept is the same for everybody who may see the twoot."""

    def __init__(self, *, public_url: str) -> None:
        self._content = partial(twoots.content, public_url=public_url)
        self._kept: dict[int, tuple[int, int, bytes]] = {}

    def item(self, item: Item) -> object:
        """Return a timeline's row, to be put into a larger document by orjson."""
        return twoots.item(item, self.render)

    def render(self, card: Card) -> orjson.Fragment:
        """Return a card's JSON, to be put into a larger document by orjson."""
        twoot, author = card.twoot, card.author
        kept = self._kept.get(twoot.id)
        if kept is None or kept[0] != twoot.version or kept[1] != author.version:
            kept = (twoot.version, author.version, orjson.dumps(self._content(card))[:-1])
            if len(self._kept) >= _KEPT:
                self._kept = {}
            self._kept[twoot.id] = kept
        counts = (twoot.replies, twoot.likes, twoot.retwoots, twoot.quotes)
        if min(counts) < 0:
            replies, likes, retwoots, quotes = twoots.counts(card).values()
            counts = (replies, likes, retwoots, quotes)
        quoted = b"null" if twoot.quote is None else orjson.dumps(twoots.quoted(card, self.render))
        polled = (
            b"null" if card.poll is None else orjson.dumps(poll(card.poll, is_anonymous=card.flags is None))
        )
        return orjson.Fragment(
            kept[2]
            + _MOVING % (*counts, quoted, polled, _FLAGS[card.flags], _HIDDEN if twoot.hidden else b"null")
        )
