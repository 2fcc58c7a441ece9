"""Made-up social graphs by seed: one of few famous accounts and many others, one where people know each other."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

ACCOUNTS, QUICK_ACCOUNTS = 100_000, 5_000
SHARE_OF_FIRST = 0.5
"""Followers of the most famous account: half of all."""
LEAST = 5
"""Followers of the least famous."""
SMALL_ACCOUNTS, SMALL_EDGES = 962, 18_800
"""Of the small graph; each of its edges is mutual, two follows."""
_KEENNESS, _SOCIABILITY = 2.0, 1.5
"""How unevenly those who follow are chosen: 1 is evenly, with more a few follow very many."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Who follows whom, by numbers of accounts: followers of the k-th are `followers[starts[k]:starts[k + 1]]`."""

    starts: array[int]
    followers: array[int]

    def followers_of(self, account: int) -> Sequence[int]:
        """Return the numbers of those who follow an account, in the order in which they did."""
        return self.followers[self.starts[account] : self.starts[account + 1]]

    def counts(self) -> list[int]:
        """Return how many follow each account."""
        return [after - before for before, after in zip(self.starts, self.starts[1:], strict=False)]

    def following_counts(self) -> list[int]:
        """Return how many each account follows."""
        found = Counter(self.followers)
        return [found[account] for account in range(len(self.starts) - 1)]


def famous(accounts: int, *, seed: int = 1) -> Graph:
    """Return a graph in which the k-th account in the order of fame has followers in proportion to 1/k.

    So the number of accounts with n followers falls with n², and the fame of who writes most is a matter of chance.
    Who follows is chosen unevenly: most follow a few, some a thousand.
    """
    random = Random(f"{seed} graph")
    ranks, keenest = list(range(1, accounts + 1)), list(range(accounts))
    random.shuffle(ranks)
    random.shuffle(keenest)
    starts, followers = array("q", [0]), array("q")
    for account, rank in enumerate(ranks):
        count = max(LEAST, int(accounts * SHARE_OF_FIRST / rank))
        followers.extend(_others(account, count, lambda: keenest[_pick(random, accounts, _KEENNESS)]))
        starts.append(len(followers))
    return Graph(starts, followers)


def mutual(accounts: int = SMALL_ACCOUNTS, edges: int = SMALL_EDGES, *, seed: int = 1) -> Graph:
    """Return a graph of accounts that follow each other, some of them many."""
    random = Random(f"{seed} mutual")
    friends: list[dict[int, None]] = [{} for _ in range(accounts)]
    made = 0
    while made < edges:
        one, other = (_pick(random, accounts, _SOCIABILITY) for _ in range(2))
        if one != other and other not in friends[one]:
            friends[one][other] = friends[other][one] = None
            made += 1
    order = list(range(accounts))
    random.shuffle(order)  # who knows many is not who writes most
    number = {one: at for at, one in enumerate(order)}
    starts, followers = array("q", [0]), array("q")
    for one in order:
        followers.extend(number[friend] for friend in friends[one])
        starts.append(len(followers))
    return Graph(starts, followers)


def _others(account: int, count: int, draw: Callable[[], int]) -> dict[int, None]:
    """Return so many different accounts, drawn one after the other, without this one."""
    found: dict[int, None] = {}
    while len(found) < count:
        other = draw()
        if other != account:
            found[other] = None
    return found


def _pick(random: Random, accounts: int, unevenness: float) -> int:
    return int(accounts * random.random() ** unevenness)
