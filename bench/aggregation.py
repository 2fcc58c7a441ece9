"""How many events one worker applies per second, and what an event costs the worker and the database."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import click
import orjson

from bench import bulk
from twooter.domain.events import Envelope, TwootEvent, pack
from twooter.domain.ids import time_ms
from twooter.logs import configure
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import outbox
from twooter.storage.migrations import migrate
from twooter.storage.outbox import Taken
from twooter.storage.tables import Hashtags
from twooter.wiring import wire

ACCOUNTS, TAGS, TAGS_PER_TWOOT = 10_000, 5_000, 2
BATCHES, WARM_BATCHES = 20, 10
_ZIPF = list(accumulate(1 / rank for rank in range(1, TAGS + 1)))


def measure(url: str, *, batches: int = BATCHES, seed: int = 1) -> dict[str, float]:
    """Apply full batches of twoots in an empty, migrated database; CPU is in microseconds per event.

    `database_cpu_us` is there only where the server runs on this machine.
    """
    services = wire(Settings.model_validate({"database_url": url, "log_level": "error"}))
    configure(services.settings)
    rng = random.Random(seed)
    tag_ids = _make_hashtags(services)
    account_ids = [services.ids.make() for _ in range(ACCOUNTS)]
    sealed = [
        _seal(services, _events(services, rng, account_ids, tag_ids)) for _ in range(WARM_BATCHES + batches)
    ]
    for batch_id in sealed[:WARM_BATCHES]:
        services.batches.run("aggregates", batch_id)
    pid = _server_pid(url)
    begun, python, database = time.perf_counter(), time.process_time(), _cpu_seconds(pid)
    for batch_id in sealed[WARM_BATCHES:]:
        services.batches.run("aggregates", batch_id)
    seconds, python = time.perf_counter() - begun, time.process_time() - python
    database = _cpu_seconds(pid) - database
    events = batches * outbox.MAX_BATCH
    services.ids.release()
    services.storage.close()
    figures = {
        "events": events,
        "events_per_second": events / seconds,
        "worker_cpu_us": python / events * 1e6,
        "database_cpu_us": database / events * 1e6,
    }
    return {name: round(figure, 1) for name, figure in figures.items()}


def _make_hashtags(services: Services) -> list[int]:
    rows = [(services.ids.make(), f"tag{number}") for number in range(TAGS)]
    storage = services.storage
    names = {Hashtags.id: 0, Hashtags.key: "", Hashtags.name: ""}
    with storage.database.atomic():
        for at in range(0, TAGS, 500):
            part = [(id_, name, name) for id_, name in rows[at : at + 500]]
            Hashtags.bind(storage.database)
            Hashtags.insert_many(part, fields=list(names)).execute()
    return [id_ for id_, _ in rows]


def _events(services: Services, rng: random.Random, accounts: list[int], tags: list[int]) -> Iterator[bytes]:
    for _ in range(outbox.MAX_BATCH):
        id_ = services.ids.make()
        chosen = tuple(dict.fromkeys(rng.choices(tags, cum_weights=_ZIPF, k=TAGS_PER_TWOOT)))
        event = TwootEvent(1, rng.choice(accounts), id_, time_ms(id_), chosen, None, None, 1)
        yield orjson.dumps(pack(Envelope(event, event.at_ms, "bench")))


def _seal(services: Services, packed: Iterator[bytes]) -> int:
    batch_id, taken = services.ids.make(), Taken((), tuple(packed))
    services.storage.transact(
        lambda tx: outbox.seal(tx, batch_id, taken, ["aggregates"], services.ids.now_ms())
    )
    return batch_id


def _server_pid(url: str) -> int | None:
    """Return the process id of a MySQL server on this machine, or None."""
    if url.startswith("sqlite"):
        return None
    with bulk.connected(url) as connection:
        path = Path(bulk.value(connection, "SELECT @@pid_file"))
    return int(path.read_text()) if path.is_file() else None


def _cpu_seconds(pid: int | None) -> float:
    """Return the processor time a process has used, 0 for none."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--database-url", required=True, help="An empty database; it is migrated first.")
@click.option("--batches", default=BATCHES, show_default=True, help="Measured batches, all full.")
def main(database_url: str, batches: int) -> None:
    """Measure how fast one worker applies batches to the aggregates."""
    services: Any = wire(Settings.model_validate({"database_url": database_url}))
    migrate(services.storage)
    services.storage.close()
    print(json.dumps(measure(database_url, batches=batches), indent=2))


if __name__ == "__main__":
    main()
