"""The large graph in a database, with the services of this process on it and timelines in Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import redis

from bench import graph, graph_loader
from bench.graph_loader import LoadedGraph
from bench.stage import Stage
from twooter.logs import configure
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage.cache import Cache
from twooter.storage.homes import Entry, HomeWindows
from twooter.wiring import wire

SLOT = 3
"""The graph's part of Redis."""
ENTRIES = 400
POPULAR_PART = 10
"""Who has more than one in so many for followers is popular: 10,000 of 100,000, as the settings have it."""
_COPIES_AT_ONCE = 1_000


@dataclass(frozen=True)
class Crowd:
    """The graph, loaded, and the services of this process on it."""

    stage: Stage
    """On the graph's database."""
    graph: LoadedGraph
    services: Services
    windows: HomeWindows
    redis: Any  # Any: redis-py's answers

    @property
    def popular_followers(self) -> int:
        """Return from how many followers on an account is pushed to nobody."""
        return self.services.settings.popular_followers

    def fill(self, account_ids: Sequence[int]) -> None:
        """Let accounts have full timelines in Redis, of made-up rows."""
        first = account_ids[0]
        self.redis.delete(f"home:{first}")
        mark = self.windows.begin(first)
        assert mark is not None
        rows = [Entry(10**18 + at, first, is_retwoot=False) for at in range(ENTRIES)]
        self.windows.finish(first, mark, rows[::-1], whole=False)
        others = iter(account_ids[1:])
        while part := list(islice(others, _COPIES_AT_ONCE)):
            pipe = self.redis.pipeline(transaction=False)
            for account_id in part:
                pipe.copy(f"home:{first}", f"home:{account_id}", replace=True)
            pipe.execute()


@contextmanager
def gathered(stage: Stage) -> Iterator[Crowd]:
    """Load the graph, at full size or small, and put the services together."""
    accounts = graph.QUICK_ACCOUNTS if stage.plan.rounds == 1 else graph.ACCOUNTS
    popular = accounts // POPULAR_PART
    url, began = stage.backend.database("bench_graph"), time.monotonic()

    def say(what: str) -> None:
        print(f"  {what} loaded, {time.monotonic() - began:.0f} s", flush=True)

    made = graph.famous(accounts)
    loaded = graph_loader.load(
        url, stage.plan.many_rows, made, days=graph_loader.lately(), popular_followers=popular, say=say
    )
    environment = stage.backend.settings(url, slot=SLOT) | {"TWOOTER_POPULAR_FOLLOWERS": str(popular)}
    settings = Settings.model_validate(
        {name.removeprefix("TWOOTER_").lower(): value for name, value in environment.items()}
        | {"log_level": "error", "env": "laptop"}
    )
    configure(settings)
    services = wire(settings)
    patient = Cache(environment["TWOOTER_CACHE_URL"], timeout_seconds=2)
    windows = HomeWindows(patient, patient, entries=ENTRIES, days=1)
    here = replace(stage, database_url=url, loaded=loaded.loaded, settings=environment)
    try:
        with redis.Redis.from_url(environment["TWOOTER_CACHE_URL"], socket_timeout=10) as client:
            yield Crowd(here, loaded, services, windows, client)
    finally:
        services.ids.release()
        services.storage.close()
