"""Foundations: what every process that writes stands on, and all that a relay needs."""

from __future__ import annotations

from dataclasses import dataclass

from twooter import metrics, traces
from twooter.services.background import Background, Job
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.timings import Timings
from twooter.settings import Settings
from twooter.storage.database import Storage


@dataclass(frozen=True, slots=True)
class Foundations:
    """The database, ids, the outbox, the times of statements, and the jobs that these need beside them."""

    settings: Settings
    storage: Storage
    ids: Ids
    outboxes: Outboxes
    timings: Timings
    background: Background

    def start(self) -> None:
        """Start the jobs of this process; after a fork, never before."""
        traces.start(self.settings)
        self.background.start()

    def stop(self) -> None:
        """Flush what the jobs hold, give the node number back and close."""
        self.background.stop()
        self.ids.release()
        self.storage.close()
        traces.stop()


def lay(settings: Settings) -> Foundations:
    """Return the foundations of the settings; nothing connects before it is used."""
    storage = Storage.open(settings)
    timings = Timings(storage)
    storage.observers.append(timings.observe_statement)
    if settings.otel_endpoint is not None:
        storage.observers.append(traces.observe_statement)
    ids = Ids(storage)
    jobs = [
        Job("node_lease", 20, ids.renew),
        Job("garbage", 15, metrics.count_collections),
        Job("timings", settings.timings_seconds, timings.flush, at_stop=True),
    ]
    return Foundations(
        settings=settings,
        storage=storage,
        ids=ids,
        outboxes=Outboxes(storage, ids, resend_seconds=settings.resend_seconds),
        timings=timings,
        background=Background(jobs, close=storage.close),
    )
