"""Fragments: twoots rendered once per version and process; counts, which move by themselves, are set in each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from twooter.domain.twoots import Card

_KEPT = 2_000
"""A hundred pages, about 2 MB: what is read now. Whoever leafs through the past reads what nobody else does."""


class Fragments:
    """Renders cards to JSON; what is kept is public and the same for everybody who may see the twoot."""

    def __init__(
        self, shape: Callable[[Card], dict[str, Any]], counts: Callable[[Card], dict[str, int]]
    ) -> None:
        self._shape = shape
        self._counts = counts
        self._kept: dict[int, tuple[int, int, bytes]] = {}

    def render(self, card: Card) -> orjson.Fragment:
        """Return a card's JSON, to be put into a larger document by orjson."""
        twoot, author = card.twoot, card.author
        kept = self._kept.get(twoot.id)
        if kept is None or kept[0] != twoot.version or kept[1] != author.version:
            kept = (twoot.version, author.version, orjson.dumps(self._shape(card))[:-1])
            if len(self._kept) >= _KEPT:
                self._kept = {}
            self._kept[twoot.id] = kept
        return orjson.Fragment(kept[2] + b',"counts":' + orjson.dumps(self._counts(card)) + b"}")
