"""The schedule of periodic tasks: each entry with why and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twooter.broker import MAINTENANCE, NOTIFY

if TYPE_CHECKING:  # beat sends names: the house behind them was half of its start and a quarter of its memory
    from twooter.services.house import Services

MAX_PAUSE_SECONDS = 300
"""A task is sent at least this often and claims its slot when it runs: a beat that starts anew each hour loses none."""
_AUDIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A task that runs once in every slot of `every_seconds`."""

    task: str
    every_seconds: int
    why: str
    run: Callable[[Services], object]
    queue: str = MAINTENANCE


ENTRIES = (
    Entry(
        "twooter.tops.compute",
        30,
        "What was used most in a window is looked up, never sorted in a request; half a minute old at most.",
        lambda services: services.trends.compute_tops(),
    ),
    Entry(
        "twooter.trends.compute",
        60,
        "Trends are of this minute, and fade when nothing feeds them.",
        lambda services: services.trends.compute(),
    ),
    Entry(
        "twooter.timings.rollup",
        60,
        "Hours and days of request and statement times are sums of minutes, which are kept for two days.",
        lambda services: services.timings.rollup(),
    ),
    Entry(
        "twooter.deletions.sweep",
        60,
        "A deletion whose worker died goes on; each run does as much as its time allows.",
        lambda services: services.deletions.sweep(),
    ),
    Entry(
        "twooter.remains.sweep",
        300,
        "What others left below twoots that are gone goes, days after these; each run does as much as its time allows.",
        lambda services: services.remains.sweep(),
    ),
    Entry(
        "twooter.transfers.sweep",
        60,
        "An archive or import whose worker died goes on, and what has expired goes.",
        lambda services: services.transfer_runs.sweep(),
    ),
    Entry(
        "twooter.suggestions.compute",
        60,
        "Whom to follow is looked up, never counted in a request; each run does as many accounts as its time allows.",
        lambda services: services.suggestions.compute(),
    ),
    Entry(
        "twooter.polls.end",
        20,
        "Whoever made a poll or voted in it hears of its end within seconds; the votes of polls that are gone go.",
        lambda services: services.poll_ends.sweep(),
    ),
    Entry(
        "twooter.scheduled.publish",
        10,
        "Scheduled twoots appear within seconds of their time; one that a dying worker left is published by the next.",
        lambda services: services.publications.sweep(),
        NOTIFY,  # an audit takes half a minute
    ),
    Entry(
        "twooter.claims.sweep",
        300,
        "A username is free again soon after a registration that was never finished.",
        lambda services: services.accounts.sweep_claims(),
    ),
    Entry(
        "twooter.maintenance.prune",
        600,
        "Small bites: what is too old never becomes a mountain.",
        lambda services: services.maintenance.prune(),
    ),
    Entry(
        "twooter.indexes.look_over",
        60,
        "What was there before search becomes searchable, and whatever a worker of the version before left out does.",
        lambda services: services.indexes.look_over(),
    ),
    Entry(
        "twooter.audits.audit",
        3600,
        "Yesterday and today each hour, and in a day's 24 hours all of the past: drift is seen the day it begins.",
        lambda services: services.audits.audit_regularly(max_seconds=_AUDIT_SECONDS),
    ),
)

SCHEDULE: dict[str, dict[str, Any]] = {  # Any: Celery's entries
    entry.task: {
        "task": entry.task,
        "schedule": float(min(entry.every_seconds, MAX_PAUSE_SECONDS)),
        # one that waited for longer is late: the next is already behind it
        "options": {"queue": entry.queue, "expires": min(entry.every_seconds, MAX_PAUSE_SECONDS)},
    }
    for entry in ENTRIES
}
