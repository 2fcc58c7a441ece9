"""A made-up social graph: few accounts with very many followers, most with a few; the same for the same seed."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bench import bulk, dataset, loader
from bench.loader import Loaded
from twooter.domain import ids
from twooter.domain.graph import State
from twooter.storage import tables

ACCOUNTS, QUICK_ACCOUNTS = 100_000, 5_000
SHARE_OF_FIRST = 0.5
"""Followers of the first account: half of all."""
LEAST = 5
POPULAR = 10_000


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


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """What to ask for; accounts by their ids."""

    loaded: Loaded
    account_ids: array[int]
    graph: Graph

    def with_followers(self, count: int, *, at_most: int) -> list[int]:
        """Return the accounts whose number of followers is nearest to one, the nearest first."""
        counts = self.graph.counts()
        order = sorted(range(len(counts)), key=lambda account: (abs(counts[account] - count), account))
        return [self.account_ids[account] for account in order[:at_most]]

    def followers_of(self, account_id: int) -> list[int]:
        """Return who follows an account, in the order in which they did."""
        account = self.account_ids.index(account_id)
        return [self.account_ids[follower] for follower in self.graph.followers_of(account)]

    def busiest_reader(self) -> int:
        """Return who follows most."""
        return self.account_ids[Counter(self.graph.followers).most_common(1)[0][0]]


def make(accounts: int, *, seed: int = 1) -> Graph:
    """Return a graph in which the k-th account in the order of fame has followers in proportion to 1/k.

    So the number of accounts with n followers falls with n², and the fame of who writes most is a matter of chance.
    """
    random = Random(f"{seed} graph")
    ranks = list(range(1, accounts + 1))
    random.shuffle(ranks)
    starts, followers = array("q", [0]), array("q")
    for account, rank in enumerate(ranks):
        count = max(LEAST, int(accounts * SHARE_OF_FIRST / rank))
        followers.extend(other for other in random.sample(range(accounts), count) if other != account)
        starts.append(len(followers))
    return Graph(starts, followers)


def load(url: str, rows: int, accounts: int, *, seed: int = 1) -> LoadedGraph:
    """Fill a migrated database with twoots and with who reads them; the same seed gives the same rows."""
    loaded = loader.load(url, rows, seed=seed, accounts=accounts)
    account_ids = dataset.make(rows, seed=seed, accounts=accounts).account_ids
    found = LoadedGraph(loaded, account_ids, make(len(account_ids), seed=seed))
    with bulk.connected(url) as connection:
        connection.query("SET SESSION unique_checks = 0")
        _load_edges(connection, found)
        _load_counts(connection, found)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE `followers`, `following`, `popular_accounts`")
    return found


def _load_edges(connection: Any, found: LoadedGraph) -> None:
    sides = ((tables.Followers, "account_id follower_id"), (tables.Following, "target_id account_id"))
    for table, names in sides:
        columns = f"{names} version state edge_id"
        bulk.insert(connection, table, columns, _edges(found))


def _edges(found: LoadedGraph) -> Iterator[str]:
    """Yield edges as SQL, (followed, follower, …); each account's ids of edges grow."""
    account_ids, graph, active = found.account_ids, found.graph, State.ACTIVE.value
    for account, account_id in enumerate(account_ids):
        for at, follower in enumerate(graph.followers_of(account)):
            made = dataset.END_MS + (account * 100_000 + at) // ids.SEQUENCES
            edge_id = ids.compose(made, ids.IMPORT_NODE, (account * 100_000 + at) % ids.SEQUENCES)
            yield f"({account_id},{account_ids[follower]},1,'{active}',{edge_id})"


def _load_counts(connection: Any, found: LoadedGraph) -> None:
    connection.query(
        "UPDATE accounts a LEFT JOIN (SELECT account_id, COUNT(*) n FROM followers GROUP BY account_id) f "
        "ON f.account_id = a.id LEFT JOIN (SELECT account_id, COUNT(*) n FROM following GROUP BY account_id) g "
        "ON g.account_id = a.id SET a.followers = COALESCE(f.n, 0), a.following = COALESCE(g.n, 0)"
    )
    popular = [
        id_ for id_, count in zip(found.account_ids, found.graph.counts(), strict=True) if count > POPULAR
    ]
    if popular:
        rows = (f"({id_},0)" for id_ in popular)
        bulk.insert(connection, tables.PopularAccounts, "account_id since_id", rows)
