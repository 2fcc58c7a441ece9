"""Loads a graph and the twoots of its accounts into a migrated database, both sides of each follow and the counters."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench import bulk, dataset, loader
from bench.graph import Graph
from bench.loader import Loaded
from twooter.domain import ids
from twooter.domain.events import FollowCountEvent
from twooter.domain.graph import State
from twooter.domain.windows import DAY_MS
from twooter.storage import tables

POPULAR_FOLLOWERS = 10_000
"""As the settings have it."""
_MOST_FOLLOWERS = 100_000
"""Room for the ids of one account's edges."""
_TEXTS = 2_000


@dataclass(frozen=True, slots=True)
class Days:
    """When the twoots were written; follows were begun soon after the last one."""

    start_ms: int
    end_ms: int


LONG_AGO = Days(dataset.START_MS, dataset.END_MS)


def lately() -> Days:
    """Return the hundred days before yesterday, at whose end people write most, as where many write now."""
    yesterday_ms = (time.time_ns() // 1_000_000 // DAY_MS - 1) * DAY_MS
    return Days(yesterday_ms - 100 * DAY_MS, yesterday_ms)


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """What to ask for; accounts by their ids."""

    loaded: Loaded
    account_ids: array[int]
    graph: Graph
    texts: Sequence[str]
    """Of the first twoots: some to publish, with as many hashtags as people use."""

    def with_followers(self, count: int, *, at_most: int) -> list[int]:
        """Return the accounts whose number of followers is nearest to one, the nearest first."""
        return self._nearest(self.graph.counts(), count)[:at_most]

    def following(self, count: int, *, at_most: int) -> list[int]:
        """Return the accounts that follow about so many, the nearest first."""
        return self._nearest(self.graph.following_counts(), count)[:at_most]

    def followers_of(self, account_id: int) -> list[int]:
        """Return who follows an account, in the order in which they did."""
        account = self.account_ids.index(account_id)
        return [self.account_ids[follower] for follower in self.graph.followers_of(account)]

    def _nearest(self, counts: Sequence[int], count: int) -> list[int]:
        order = sorted(range(len(counts)), key=lambda account: (abs(counts[account] - count), account))
        return [self.account_ids[account] for account in order]


def load(
    url: str,
    rows: int,
    graph: Graph,
    *,
    seed: int = 1,
    days: Days = LONG_AGO,
    popular_followers: int = POPULAR_FOLLOWERS,
    say: Callable[[str], object] = lambda _: None,
) -> LoadedGraph:
    """Fill a migrated database with twoots and with who reads them; the same seed and days give the same rows.

    Who has more followers than `popular_followers` is popular. `say` is told how far it is.
    """
    accounts = len(graph.starts) - 1
    data = dataset.make(rows, seed=seed, accounts=accounts, start_ms=days.start_ms, end_ms=days.end_ms)
    account_ids = data.account_ids
    texts = [text for text, _ in zip(data.texts(), range(_TEXTS), strict=False)]
    loaded = loader.load_made(url, data, _begun(account_ids, graph, days))
    del data  # as large as all that follows
    say(f"{rows:,} twoots of {accounts:,} accounts")
    with bulk.connected(url) as connection:
        connection.query("SET SESSION unique_checks = 0")
        _load_edges(connection, account_ids, graph, days)
        say(f"{len(graph.followers):,} follows")
        _load_counts(connection)
        _load_popular(connection, account_ids, graph, popular_followers)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE `followers`, `following`, `popular_accounts`, `accounts`")
    return LoadedGraph(loaded, account_ids, graph, texts)


def _load_edges(connection: Any, account_ids: Sequence[int], graph: Graph, days: Days) -> None:
    columns = "version state edge_id"
    by_followed = range(len(graph.followers))
    rows = _edges(account_ids, graph, days, by_followed, is_followed_first=True)
    bulk.insert(connection, tables.Followers, f"account_id follower_id {columns}", rows)
    # in the order of their key, too: rows anywhere in a table cost many times as much
    by_follower = sorted(by_followed, key=graph.followers.__getitem__)
    rows = _edges(account_ids, graph, days, by_follower, is_followed_first=False)
    bulk.insert(connection, tables.Following, f"account_id target_id {columns}", rows)


def _edges(
    account_ids: Sequence[int], graph: Graph, days: Days, order: Sequence[int], *, is_followed_first: bool
) -> Iterator[str]:
    """Yield edges as SQL."""
    active, followed = State.ACTIVE.value, _followed(graph)
    for edge in order:
        edge_id = _edge_id(graph, days, followed[edge], edge)
        sides = (account_ids[followed[edge]], account_ids[graph.followers[edge]])
        first, second = sides if is_followed_first else sides[::-1]
        yield f"({first},{second},1,'{active}',{edge_id})"


def _begun(account_ids: Sequence[int], graph: Graph, days: Days) -> Iterator[FollowCountEvent]:
    """Yield what tells aggregates of each follow."""
    for edge, account in enumerate(_followed(graph)):
        yield FollowCountEvent(1, account_ids[graph.followers[edge]], _edge_id(graph, days, account, edge))


def _followed(graph: Graph) -> array[int]:
    """Return whom each edge is to."""
    return array("q", (k for k, count in enumerate(graph.counts()) for _ in range(count)))


def _edge_id(graph: Graph, days: Days, account: int, edge: int) -> int:
    """Return ids that grow with the followers of an account."""
    number = account * _MOST_FOLLOWERS + edge - graph.starts[account]
    made_ms, sequence = days.end_ms + number // ids.SEQUENCES, number % ids.SEQUENCES
    return ids.compose(made_ms, ids.IMPORT_NODE, sequence)


def _load_counts(connection: Any) -> None:
    connection.query(
        "UPDATE accounts a LEFT JOIN (SELECT account_id, COUNT(*) n FROM followers GROUP BY account_id) f "
        "ON f.account_id = a.id LEFT JOIN (SELECT account_id, COUNT(*) n FROM following GROUP BY account_id) g "
        "ON g.account_id = a.id SET a.followers = COALESCE(f.n, 0), a.following = COALESCE(g.n, 0)"
    )


def _load_popular(connection: Any, account_ids: Sequence[int], graph: Graph, least: int) -> None:
    popular = [id_ for id_, count in zip(account_ids, graph.counts(), strict=True) if count > least]
    rows = (f"({id_},0)" for id_ in popular)
    bulk.insert(connection, tables.PopularAccounts, "account_id since_id", rows)
