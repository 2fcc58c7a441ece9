"""Follows: what two sides know of one account's follow of another, and which of them knows more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twooter.domain.graph import State

MAX_FOLLOWING = 10_000
"""Accounts one account can follow: a home timeline that is read from the database goes through all of them."""
_STAGES = {State.REQUESTED: 0, State.ACTIVE: 1, State.NONE: 2}
"""A version begins when the follower acts; the other side carries it on: a request is approved, a follow ended."""


@dataclass(frozen=True, slots=True)
class Follow:
    """One account's follow of another, as one side knows it.

    The follower makes versions, the other side moves one of them on. So both sides' words have an order that does not
    depend on when they arrive, and the greatest is the truth.
    """

    follower_id: int
    target_id: int
    version: int
    state: State
    edge_id: int
    """When it began; lists are in its order."""

    @property
    def is_active(self) -> bool:
        """Return whether it counts as a follow."""
        return self.state is State.ACTIVE

    def outdoes(self, other: Follow | None) -> bool:
        """Return whether this is later than the other; anything is later than nothing."""
        return other is None or self.place > other.place

    @property
    def place(self) -> tuple[int, int]:
        """Return what the order of words about one follow goes by."""
        return self.version, _STAGES[self.state]


def latest(*known: Follow | None) -> Follow | None:
    """Return the latest of what is known of one follow, or None where nothing is."""
    found: Follow | None = None
    for follow in known:
        if follow is not None and follow.outdoes(found):
            found = follow
    return found


def change(old: Follow | None, new: Follow) -> int:
    """Return by how much a count of active follows moves when one becomes another."""
    return new.is_active - (old is not None and old.is_active)


def by_other(follows: Iterable[Follow], *, of_target: bool) -> dict[int, Follow]:
    """Return the latest follows of one account by the other one: by their followers, or by their targets."""
    found: dict[int, Follow] = {}
    for follow in follows:
        other_id = follow.follower_id if of_target else follow.target_id
        if follow.outdoes(found.get(other_id)):
            found[other_id] = follow
    return found
