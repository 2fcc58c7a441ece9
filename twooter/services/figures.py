"""Figures: what one process measures for all, of database and broker; unknown while they do not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from twooter.domain import ids as id_rules
from twooter.domain import windows
from twooter.domain.drifts import Kind
from twooter.domain.queues import QueueFigures
from twooter.domain.windows import Span, Unit, WindowCounts
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.metrics import (
    ACTIVE_TODAY,
    ACTS_TODAY,
    AUDIT_AGE,
    AUDIT_COMPLETE,
    BROKER_PING,
    BROKER_REACHABLE,
    CLAIM_AGE,
    DATABASE_PING,
    DATABASE_REACHABLE,
    DRIFT,
    NEW_TODAY,
    OUTBOX_AGE,
    OUTBOX_ROWS,
    PARKED,
    PARTICIPANTS_TODAY,
    PROBE_AGE,
    PROBE_FAILURES,
    PROBE_OK,
    PROBE_SECONDS,
    QUEUE_CONSUMERS,
    QUEUE_DEPTH,
    QUEUE_IN_FLIGHT,
    QUEUE_WAITING,
    REPORTS_AGE,
    REPORTS_OPEN,
    SCHEDULED_OVERDUE,
    SCHEMA_PENDING,
    SCHEMA_VERSION,
    TOP_TAGS,
    TWOOTS_PER_MINUTE,
    TWOOTS_TODAY,
    UNFINISHED,
    UNFINISHED_AGE,
    Figure,
    Reading,
    tell,
)
from twooter.services.outboxes import CONSUMERS
from twooter.storage import (
    hashtags,
    migrations,
    outbox,
    outcomes,
    parked,
    reports,
    scheduled_twoots,
    schedules,
    series,
    trends,
)
from twooter.storage.database import Session, Storage

log = get_logger("figures")

_TOP, _MAX_TAG = 10, 50
_OF_DATABASE: tuple[Figure, ...] = (
    *(DATABASE_REACHABLE, DATABASE_PING, SCHEMA_VERSION, SCHEMA_PENDING, OUTBOX_AGE, OUTBOX_ROWS, UNFINISHED),
    *(
        UNFINISHED_AGE,
        PARKED,
        CLAIM_AGE,
        AUDIT_AGE,
        AUDIT_COMPLETE,
        DRIFT,
        PROBE_AGE,
        PROBE_OK,
        PROBE_FAILURES,
        PROBE_SECONDS,
    ),
    *(PARTICIPANTS_TODAY, ACTS_TODAY),
    *(TWOOTS_PER_MINUTE, TWOOTS_TODAY, NEW_TODAY, ACTIVE_TODAY, TOP_TAGS, REPORTS_OPEN, REPORTS_AGE),
    SCHEDULED_OVERDUE,
)
_OF_BROKER: tuple[Figure, ...] = (
    *(BROKER_REACHABLE, BROKER_PING, QUEUE_WAITING, QUEUE_IN_FLIGHT, QUEUE_DEPTH, QUEUE_CONSUMERS),
)


Ask = Callable[[], Sequence[QueueFigures]]
"""Asks the broker in bounded time; raises when it does not answer."""


def measure_broker(ask: Ask) -> None:
    """Tell how long the queues are, or that the broker is away."""
    began = time.perf_counter()
    try:
        found = ask()
    except Exception as ex:  # noqa: BLE001 - each transport has errors of its own; all mean the same
        log.warning("broker_unreachable", error=type(ex).__name__)
        tell(_OF_BROKER, [(BROKER_REACHABLE, (), 0)])
        return
    seconds = time.perf_counter() - began
    readings: list[Reading] = [(BROKER_REACHABLE, (), 1), (BROKER_PING, (), seconds)]
    for queue in found:
        labels = (queue.queue,)
        readings.append((QUEUE_WAITING, labels, queue.waiting))
        readings.append((QUEUE_DEPTH, labels, queue.waiting + (queue.in_flight or 0)))
        if queue.in_flight is not None:
            readings.append((QUEUE_IN_FLIGHT, labels, queue.in_flight))
        if queue.consumers is not None:
            readings.append((QUEUE_CONSUMERS, labels, queue.consumers))
    tell(_OF_BROKER, readings)


def measure_database(storage: Storage) -> None:
    """Tell what the database knows, or that it is away; reads a bounded number of rows and writes none."""
    began = time.perf_counter()
    try:
        now_ms = storage.read(lambda tx: tx.now_ms())
    except Unavailable:
        tell(_OF_DATABASE, [(DATABASE_REACHABLE, (), 0)])
        return
    readings: list[Reading] = [
        (DATABASE_REACHABLE, (), 1),
        (DATABASE_PING, (), time.perf_counter() - began),
    ]
    try:
        missing = migrations.pending(storage)
        readings.append((SCHEMA_VERSION, (), migrations.version(storage)))
        readings.append((SCHEMA_PENDING, (), len(missing)))
        if not missing:
            readings += storage.read(lambda tx: list(_readings(tx, now_ms)))
    except Exception as ex:  # noqa: BLE001 - what could not be read is unknown, whatever the reason
        log.warning("figures_unknown", error=type(ex).__name__)
    tell(_OF_DATABASE, readings)


def keep_measuring(
    measure: Callable[[], None], wait: Callable[[float], bool], *, every_seconds: float
) -> None:
    """Measure now and then until `wait(seconds)` answers True."""
    pause = 0.0
    while not wait(pause):
        measure()
        pause = every_seconds


def _readings(tx: Session, now_ms: int) -> Iterator[Reading]:
    yield from _work(tx, now_ms)
    yield from _jobs(tx, now_ms)
    yield from _product(tx, now_ms)


def _work(tx: Session, now_ms: int) -> Iterator[Reading]:
    yield OUTBOX_AGE, (), _age_of(outbox.find_oldest_id(tx), now_ms)
    yield OUTBOX_ROWS, (), outbox.count(tx)
    unfinished, set_aside = outbox.fetch_unfinished(tx), parked.count(tx)
    for consumer in CONSUMERS:
        count, oldest = unfinished.get(consumer, (0, None))
        yield UNFINISHED, (consumer,), count
        yield UNFINISHED_AGE, (consumer,), _age_of(oldest, now_ms)
        yield PARKED, (consumer,), set_aside.get(consumer, 0)


def _jobs(tx: Session, now_ms: int) -> Iterator[Reading]:
    for task, slot_ms in schedules.fetch_newest_slots(tx).items():
        yield CLAIM_AGE, (task,), _seconds(now_ms - slot_ms)
    due_ms = scheduled_twoots.find_longest_due(tx)
    yield SCHEDULED_OVERDUE, (), 0.0 if due_ms is None else _seconds(now_ms - due_ms)
    found = outcomes.fetch(tx)
    audit, probe = found.get(outcomes.AUDIT), found.get(outcomes.PROBE)
    if audit is not None and audit.succeeded_ms is not None:
        yield AUDIT_AGE, (), _seconds(now_ms - audit.succeeded_ms)
        yield AUDIT_COMPLETE, (), int(audit.detail["complete"])
        for kind in Kind:
            yield DRIFT, (kind.value,), audit.detail["drifts"].get(kind.value, 0)
    if probe is not None:
        yield PROBE_OK, (), int(probe.is_well)
        yield PROBE_FAILURES, (), probe.failures
        yield PROBE_SECONDS, (), probe.duration_ms / 1000
        if probe.succeeded_ms is not None:
            yield PROBE_AGE, (), _seconds(now_ms - probe.succeeded_ms)


def _product(tx: Session, now_ms: int) -> Iterator[Reading]:
    minute = _window(tx, Unit.MINUTE, windows.start(Unit.MINUTE, now_ms) - 1)
    today_ms = windows.start(Unit.DAY, now_ms)
    today = _window(tx, Unit.DAY, today_ms)
    yield TWOOTS_PER_MINUTE, (), minute.twoots
    yield TWOOTS_TODAY, (), today.twoots
    yield NEW_TODAY, (), today.accounts
    yield ACTIVE_TODAY, (), today.active_accounts
    yield PARTICIPANTS_TODAY, (), today.participants
    for act, number in (("follow", today.follows), ("like", today.likes), ("retwoot", today.retwoots)):
        yield ACTS_TODAY, (act,), number
    count, oldest = reports.count_open(tx)
    yield REPORTS_OPEN, (), count
    yield REPORTS_AGE, (), _age_of(oldest, now_ms)
    top = trends.fetch_top(tx, Unit.DAY, today_ms, _TOP)
    names = hashtags.fetch_names(tx, [tag_id for tag_id, _ in top])
    for tag_id, uses in top:
        yield TOP_TAGS, (names[tag_id][:_MAX_TAG],), uses


def _window(tx: Session, unit: Unit, time_ms: int) -> WindowCounts:
    start_ms = windows.start(unit, time_ms)
    return series.fetch_windows(tx, Span(unit, (start_ms,))).get(start_ms) or WindowCounts(start_ms)


def _age_of(id_: int | None, now_ms: int) -> float:
    return 0.0 if id_ is None else _seconds(now_ms - id_rules.time_ms(id_))


def _seconds(age_ms: int) -> float:
    return max(0, age_ms) / 1000
