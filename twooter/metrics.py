"""Every Prometheus object: few, with help texts, unit suffixes and bounded labels."""

from __future__ import annotations

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)

_slot = "main"


def _identity() -> str:
    return _slot


SEVERAL_PROCESSES = values.ValueClass is not values.MutexValue
"""Whether PROMETHEUS_MULTIPROC_DIR was set before this module was loaded."""
if SEVERAL_PROCESSES:
    # files named by slot, not by pid: restarted processes go on in the files of those they replace
    values.ValueClass = values.MultiProcessValue(_identity)  # type: ignore[no-untyped-call]  # the library's

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Histogram(
    "twooter_http_request_seconds",
    "Time to answer a request, by route template.",
    ["method", "route", "status"],
    buckets=_FAST,
)
QUERIES = Histogram(
    "twooter_query_seconds", "Time of a database statement, by its name.", ["statement"], buckets=_FAST
)
QUERY_ERRORS = Counter(
    "twooter_query_errors_total", "Database statements that failed, by name.", ["statement"]
)
TRANSACTION_RETRIES = Counter(
    "twooter_transaction_retries_total", "Transactions tried again, by reason.", ["reason"]
)
TASKS = Histogram(
    "twooter_task_seconds",
    "Time of a worker's task, by name and outcome.",
    ["task", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60),
)
EVENTS_APPLIED = Counter("twooter_events_applied_total", "Outbox events applied, by consumer.", ["consumer"])
EVENTS_PARKED = Counter(
    "twooter_events_parked_total", "Outbox events set aside after failing, by consumer.", ["consumer"]
)
EVENTS_SEALED = Counter("twooter_events_sealed_total", "Outbox events moved into batches by the relay.")
BATCHES_SENT = Counter("twooter_batches_sent_total", "Batches sent to the broker, by consumer.", ["consumer"])
FRESHNESS = Histogram(
    "twooter_aggregate_delay_seconds",
    "Time from an event to its aggregates, by consumer.",
    ["consumer"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
DRIFT = Gauge(
    "twooter_aggregate_drift",
    "Aggregates minus source found by the last audit, by kind.",
    ["kind"],
    multiprocess_mode="mostrecent",
)
OUTBOX_AGE = Gauge(
    "twooter_outbox_oldest_seconds", "Age of the oldest event not yet sealed.", multiprocess_mode="mostrecent"
)
CACHE = Counter("twooter_cache_lookups_total", "Cache lookups, by cache and outcome.", ["cache", "outcome"])
REFUSALS = Counter(
    "twooter_rate_limit_refusals_total", "Requests refused by a rate limit, by limit.", ["limit"]
)
SIGN_INS = Counter("twooter_sign_ins_total", "Sign-in attempts, by outcome.", ["outcome"])
LOG_EVENTS = Counter("twooter_log_events_total", "Log lines, by level and logger.", ["level", "logger"])


def count_log(level: str, logger: str) -> None:
    """Count one log line; only levels worth an alert get a series of their own."""
    if level in ("warning", "error", "critical", "exception"):
        LOG_EVENTS.labels(level, logger.partition(".")[0]).inc()


def take_slot(name: str) -> None:
    """Name this process's files, in a forked child. A slot has one process at a time, and no underscore."""
    global _slot
    _slot = name


def exposition() -> bytes:
    """Return all metrics of all processes in Prometheus' text format."""
    if not SEVERAL_PROCESSES:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's
    return generate_latest(registry)
