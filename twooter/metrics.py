"""Every Prometheus object: few, with help texts, unit suffixes and bounded labels."""

from __future__ import annotations

import functools
import gc
import os
import platform
import threading
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from twooter import VERSION

_slot = "main"


def _identity() -> str:
    return _slot


SEVERAL_PROCESSES = values.ValueClass is not values.MutexValue
"""Whether PROMETHEUS_MULTIPROC_DIR was set before this module was loaded."""
if SEVERAL_PROCESSES:
    # files named by slot, not by pid: restarted processes go on in the files of those they replace
    values.ValueClass = values.MultiProcessValue(_identity)  # type: ignore[no-untyped-call]  # the library's

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's; a third more series, which no query asks for
for _default in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
    REGISTRY.unregister(_default)  # they know one process; what stands below knows all of a pod

# Series are few on purpose: a bucket of every route, or of every statement, would be hundreds in every pod. Their
# percentiles are in the database, over all pods: GET /v1/analytics/requests and /v1/analytics/queries.
REQUESTS = Histogram(
    "twooter_http_request_seconds",
    "Time to answer a request.",
    ["method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
ROUTES = Summary(
    "twooter_http_route_seconds", "Time to answer a request, by route template.", ["method", "route"]
)
ANSWERS = Counter(
    "twooter_http_requests_total",
    "Requests answered, by route template and status; refusals, which logs tell apart, as 4xx.",
    ["method", "route", "status"],
)
QUERIES = Summary("twooter_query_seconds", "Time of a database statement, by its name.", ["statement"])
SLOW_QUERIES = Counter(
    "twooter_slow_queries_total", "Database statements of any name that took longer than 100 ms."
)
QUERY_ERRORS = Counter(
    "twooter_query_errors_total", "Database statements that failed, by name.", ["statement"]
)
CONNECTS = Histogram(
    "twooter_database_connect_seconds",
    "Time a thread waited for its connection to the database, by outcome; there is no pool to wait for.",
    ["outcome"],
    buckets=(0.005, 0.05, 0.5, 2.5),
)
TRANSACTION_RETRIES = Counter(
    "twooter_transaction_retries_total", "Transactions tried again, by reason.", ["reason"]
)
TASKS = Histogram(
    "twooter_task_seconds",
    "Time of a worker's task, by name and outcome.",
    ["task", "outcome"],
    buckets=(0.05, 0.5, 5, 50),
)
EVENTS_APPLIED = Counter("twooter_events_applied_total", "Outbox events applied, by consumer.", ["consumer"])
EVENTS_LATE = Counter(
    "twooter_events_late_total",
    "Outbox events applied later than 5 s after they happened, by consumer.",
    ["consumer"],
)
EVENTS_PARKED = Counter(
    "twooter_events_parked_total", "Outbox events set aside after failing, by consumer.", ["consumer"]
)
EVENTS_SEALED = Counter("twooter_events_sealed_total", "Outbox events moved into batches by the relay.")
BATCHES_SENT = Counter("twooter_batches_sent_total", "Batches sent to the broker, by consumer.", ["consumer"])
FRESHNESS = Histogram(
    "twooter_aggregate_delay_seconds",
    "Time from an event to what its consumer makes of it: aggregates, homes, notifications, the index.",
    ["consumer"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
SPANS = Counter(
    "twooter_trace_spans_total",
    "Spans given to the collector of traces, by outcome; those that found the queue full are not among them.",
    ["outcome"],
)
CACHE = Counter(
    "twooter_cache_lookups_total",
    "Cache lookups, by cache and outcome; a fallback is what was done without Redis since it did not answer.",
    ["cache", "outcome"],
)
HOME_READS = Counter(
    "twooter_home_reads_total",
    "Pages of home timelines read, by source: redis, database, rebuild (read from the database and kept in Redis).",
    ["source"],
)
HOME_DELIVERIES = Counter(
    "twooter_home_deliveries_total",
    "Home timelines that a fan-out pushed to, by outcome: kept, or absent, since Redis keeps those of active accounts.",
    ["outcome"],
)
STREAM_APPENDS = Counter(
    "twooter_stream_appends_total", "Events written by workers to logs that somebody listens to."
)
STREAM_EVENTS = Counter("twooter_stream_events_total", "Events sent to listeners; heartbeats are none.")
STREAM_ENDS = Counter(
    "twooter_stream_ends_total",
    "Connections of listeners that ended, by outcome: left, slow (dropped), revoked, stopped, or refused at the door.",
    ["outcome"],
)
STREAM_LAG = Histogram(
    "twooter_stream_lag_seconds",
    "Time from an event's place in the log to its sending; what a listener catches up on is not counted.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFUSALS = Counter(
    "twooter_rate_limit_refusals_total", "Requests refused by a rate limit, by limit.", ["limit"]
)
SIGN_INS = Counter("twooter_sign_ins_total", "Sign-in attempts, by outcome.", ["outcome"])
LOG_EVENTS = Counter(
    "twooter_log_events_total", "Log lines from level warning on, by level and logger.", ["level", "logger"]
)
COLLECTIONS = Counter(
    "twooter_gc_collections_total", "Garbage collections of all processes, by generation.", ["generation"]
)
COLLECTED = Counter(
    "twooter_gc_collected_objects_total",
    "Objects freed by garbage collections, by generation.",
    ["generation"],
)
BUILD = Gauge(
    "twooter_build_info",
    "Always 1; the labels say which version runs on which Python.",
    ["version", "python"],
    multiprocess_mode="max",
)
BUILD.labels(VERSION, platform.python_version()).set(1)
_SLOTS = "twooter_process_id"
SLOTS = Gauge(
    _SLOTS,
    "Id of the process in a slot of its pod; a slot's process may be replaced.",
    ["slot"],
    multiprocess_mode="mostrecent",
)

FIGURES = CollectorRegistry()
_telling = threading.Lock()


class Figure(Gauge):
    """A gauge that one process measures for all: in its memory alone, and absent while nobody knows its value."""

    def __init__(
        self, name: str, documentation: str, labelnames: Iterable[str] = (), **options: Any
    ) -> None:  # Any: what the library hands to the gauges of single label sets
        options.setdefault("multiprocess_mode", "mostrecent")
        super().__init__(name, documentation, labelnames, registry=FIGURES, **options)

    def _metric_init(self) -> None:
        # not in the files of several processes, where an unknown value is 0
        self._value = values.MutexValue(  # type: ignore[no-untyped-call]  # the library's
            self._type, self._name, self._name, self._labelnames, self._labelvalues, self._documentation
        )
        self._is_known = False

    def set(self, value: float) -> None:
        """Let the value be known."""
        self._value.set(float(value))
        self._is_known = True

    def forget(self) -> None:
        """Let no value be known."""
        if self._labelnames:
            self._metrics = {}
        else:
            self._is_known = False

    def collect(self) -> list[Metric]:
        """Return the known values, with no word of what has none."""
        return [metric for metric in super().collect() if metric.samples]

    def _child_samples(self) -> Iterable[Sample]:
        return super()._child_samples() if self._is_known else ()


Reading = tuple[Figure, tuple[str, ...], float]
"""A figure, the values of its labels, and what was measured."""

DATABASE_REACHABLE = Figure(
    "twooter_database_reachable",
    "Whether the exporter's last question to the database was answered (1 or 0).",
)
BROKER_REACHABLE = Figure(
    "twooter_broker_reachable", "Whether the exporter's last question to the broker was answered (1 or 0)."
)
DATABASE_PING = Figure(
    "twooter_database_ping_seconds", "Time of the exporter's smallest question to the database."
)
BROKER_PING = Figure("twooter_broker_ping_seconds", "Time of the exporter's questions to the broker.")
QUEUE_WAITING = Figure("twooter_queue_waiting", "Tasks that no worker holds yet, by queue.", ["queue"])
QUEUE_IN_FLIGHT = Figure(
    "twooter_queue_in_flight", "Tasks that workers hold, by queue; only Redis tells.", ["queue"]
)
QUEUE_DEPTH = Figure(
    "twooter_queue_depth",
    "Tasks waiting and, where the broker tells, in flight; what workers scale on.",
    ["queue"],
)
QUEUE_CONSUMERS = Figure(
    "twooter_queue_consumers", "Workers that consume a queue; only RabbitMQ tells.", ["queue"]
)
OUTBOX_AGE = Figure("twooter_outbox_oldest_seconds", "Age of the oldest event not yet sealed; 0 without any.")
OUTBOX_ROWS = Figure("twooter_outbox_rows", "Events not yet sealed; counted up to 100,000.")
UNFINISHED = Figure(
    "twooter_unfinished_batches",
    "Sealed batches that a consumer has not applied, by consumer; counted up to 100,000.",
    ["consumer"],
)
UNFINISHED_AGE = Figure(
    "twooter_unfinished_oldest_seconds",
    "Age of the oldest sealed batch that a consumer has not applied, by consumer; 0 without any.",
    ["consumer"],
)
PARKED = Figure(
    "twooter_parked_events",
    "Events set aside that await an operator, by consumer; counted up to 10,000.",
    ["consumer"],
)
STREAM_CONNECTIONS = Figure("twooter_stream_connections", "Listeners connected to this process.")
STREAM_CAPACITY = Figure(
    "twooter_stream_capacity", "Listeners that this process lets in; whoever comes then is sent away."
)
STREAM_LOG_REACHABLE = Figure(
    "twooter_stream_log_reachable",
    "Whether this process hears the log of live updates in Redis (1 or 0); without Redis there is none to hear.",
)
SCHEDULED_OVERDUE = Figure(
    "twooter_scheduled_overdue_seconds",
    "Time since a scheduled twoot was to be published that is not; of the one that waits longest, 0 without any.",
)
REPORTS_OPEN = Figure("twooter_reports_open", "Reports that no moderator has resolved; counted up to 10,000.")
REPORTS_AGE = Figure("twooter_report_oldest_seconds", "Age of the oldest open report; 0 without any.")
SCHEMA_VERSION = Figure("twooter_schema_version", "Number of the newest migration the database has.")
SCHEMA_PENDING = Figure(
    "twooter_schema_pending_migrations", "Migrations of this version that the database lacks."
)
CLAIM_AGE = Figure(
    "twooter_schedule_claim_age_seconds",
    "Time since the start of the newest slot in which a periodic task ran, by task.",
    ["task"],
)
AUDIT_AGE = Figure("twooter_audit_age_seconds", "Time since the last periodic audit was done.")
AUDIT_COMPLETE = Figure(
    "twooter_audit_complete", "Whether the last periodic audit came to the end of its part (1 or 0)."
)
DRIFT = Figure(
    "twooter_aggregate_drift",
    "Aggregates minus source found by the last periodic audit, by kind, without signs.",
    ["kind"],
)
PROBE_AGE = Figure("twooter_probe_success_age_seconds", "Time since a recorded probe last succeeded.")
PROBE_OK = Figure("twooter_probe_ok", "Whether the newest recorded probe succeeded (1 or 0).")
PROBE_FAILURES = Figure("twooter_probe_failures", "Recorded probes that ever failed.")
PROBE_SECONDS = Figure("twooter_probe_seconds", "Time the newest recorded probe took.")
TWOOTS_PER_MINUTE = Figure("twooter_twoots_per_minute", "Twoots of the last complete minute.")
TWOOTS_TODAY = Figure("twooter_twoots_today", "Twoots of the present day, UTC.")
NEW_TODAY = Figure("twooter_new_accounts_today", "Accounts registered on the present day, UTC.")
ACTIVE_TODAY = Figure("twooter_active_accounts_today", "Accounts that posted on the present day, UTC.")
PARTICIPANTS_TODAY = Figure(
    "twooter_participants_today",
    "Accounts that posted, followed, liked or retwooted on the present day, UTC.",
)
ACTS_TODAY = Figure(
    "twooter_acts_today", "Follows, likes and retwoots of the present day, UTC, that hold.", ["act"]
)
TOP_TAGS = Figure(
    "twooter_top_tag_uses_today", "Uses of the ten most used hashtags of the present day, UTC.", ["tag"]
)


def tell(figures: Iterable[Figure], readings: Iterable[Reading]) -> None:
    """Replace all that is told of these figures at once; what is not among the readings is unknown."""
    with _telling:
        for figure in figures:
            figure.forget()
        for figure, labels, value in readings:
            (figure.labels(*labels) if labels else figure).set(value)


_SLOW_SECONDS = 0.1


def statement_times(name: str) -> Callable[[float], None]:
    """Return what counts a statement's times. Its series begin with the first: no pod runs every statement there is."""
    known: Callable[[float], None] | None = None

    def observe(seconds: float) -> None:
        nonlocal known
        if known is None:
            known = QUERIES.labels(name).observe
        known(seconds)
        if seconds > _SLOW_SECONDS:
            SLOW_QUERIES.inc()

    return observe


def count_log(level: str, logger: str) -> None:
    """Count one log line; only levels worth an alert get a series of their own."""
    if level in ("warning", "error", "critical", "exception"):
        LOG_EVENTS.labels(level, logger.partition(".")[0]).inc()


def take_slot(name: str) -> None:
    """Name this process's files, in a forked child. A slot has one process at a time, and no underscore."""
    global _slot
    _slot = name
    SLOTS.labels(name).set(os.getpid())


_seen = [(0, 0)] * 3


def count_collections() -> None:
    """Count this process's garbage collections since the last call.

    Not from gc's own hooks: these run wherever something is allocated, also where our locks are held.
    """
    for generation, told in enumerate(gc.get_stats()):
        now = told["collections"], told["collected"]
        COLLECTIONS.labels(str(generation)).inc(now[0] - _seen[generation][0])
        COLLECTED.labels(str(generation)).inc(now[1] - _seen[generation][1])
        _seen[generation] = now


@functools.lru_cache(maxsize=128)
def _process(pid: int) -> ProcessCollector:
    """Return what reads a process's figures; kept, since a new one may find that the machine began a second later."""
    return ProcessCollector(pid=lambda: pid, registry=None)


class _Read(Collector):
    """Metrics that were read once; and memory, processor time, files and start of each process of the pod, by slot."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return [*self._families, *self._of_processes()]

    def _of_processes(self) -> Iterable[Metric]:
        slots = (family for family in self._families if family.name == _SLOTS)
        pids = {sample.labels["slot"]: int(sample.value) for family in slots for sample in family.samples}
        found: dict[str, Metric] = {}
        for slot, pid in {**pids, _slot: os.getpid()}.items():
            for family in _process(pid).collect():
                one = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    one.add_sample(sample.name, {"slot": slot}, sample.value)
        return found.values()


def exposition() -> bytes:
    """Return all metrics of all processes, and the figures of this one, in Prometheus' text format."""
    count_collections()
    registry, whole = REGISTRY, CollectorRegistry()
    if SEVERAL_PROCESSES:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's
    whole.register(_Read(registry.collect()))
    with _telling:
        return generate_latest(whole) + generate_latest(FIGURES)
