"""Every metric says what it is, in which unit, and has labels that cannot grow without bound."""

import tomllib

from prometheus_client import Counter, Gauge, Histogram, Summary
from prometheus_client.metrics import MetricWrapperBase

from tests.rules.metrics_page import full_name
from tests.rules.sources import ROOT, sources
from twooter import VERSION, metrics

UNITS = ("_seconds", "_total", "_bytes", "_info")
UNITLESS = {
    "twooter_aggregate_drift": "a difference of counts, by name as operators know it",
    "twooter_database_reachable": "yes or no",
    "twooter_broker_reachable": "yes or no",
    "twooter_probe_ok": "yes or no",
    "twooter_audit_complete": "yes or no",
    "twooter_stream_log_reachable": "yes or no",
    "twooter_schema_version": "a migration's number",
    "twooter_process_id": "a name rather than an amount",
    **dict.fromkeys(
        [
            *("twooter_queue_waiting", "twooter_queue_in_flight", "twooter_queue_depth"),
            *("twooter_queue_consumers", "twooter_outbox_rows", "twooter_unfinished_batches"),
            *("twooter_parked_events", "twooter_schema_pending_migrations", "twooter_probe_failures"),
            *("twooter_twoots_per_minute", "twooter_twoots_today", "twooter_new_accounts_today"),
            *("twooter_stream_connections", "twooter_stream_capacity", "twooter_reports_open"),
            *("twooter_active_accounts_today", "twooter_top_tag_uses_today"),
            *("twooter_participants_today", "twooter_acts_today"),
        ],
        "how many there are now: `_total` would say that it only grows",
    ),
}
BOUNDED = {
    "method": "the methods of HTTP, and one for all others",
    "route": "templates of the route table",
    "status": "statuses of HTTP",
    "statement": "statements have names in the code",
    "reason": "kinds of database failures",
    "task": "tasks have names in the code",
    "outcome": "a few words in the code",
    "consumer": "the outbox's consumers",
    "kind": "kinds of aggregates",
    "cache": "caches have names in the code",
    "limit": "limits have names in the settings",
    "level": "levels of log lines",
    "logger": "parts have names in the code",
    "queue": "queues have names in the code",
    "source": "a few words in the code",
    "tag": "ten at a time",
    "act": "follow, like, retwoot",
    "slot": "a server has as many as it has processes at once",
    "generation": "Python's garbage collector has three",
    "version": "one for each version that runs",
    "python": "idem",
}
"""Labels, each with the reason why its values are few."""

FOUND: dict[str, MetricWrapperBase] = {
    name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)
}


def test_there_are_metrics() -> None:
    assert len(FOUND) > 10


def test_every_metric_has_a_help_text_that_is_a_sentence() -> None:
    poor = [
        name
        for name, metric in FOUND.items()
        if len(metric._documentation) < 20 or metric._documentation[-1] != "."
    ]
    assert not poor, poor


def test_every_metric_is_ours_and_names_its_unit() -> None:
    odd = [
        full_name(metric)
        for metric in FOUND.values()
        if not metric._name.startswith("twooter_")
        or (not full_name(metric).endswith(UNITS) and metric._name not in UNITLESS)
    ]
    assert not odd, odd


def test_what_counts_is_a_counter_and_what_is_timed_is_not() -> None:
    for metric in FOUND.values():
        assert isinstance(metric, Counter) == full_name(metric).endswith("_total"), full_name(metric)
        assert isinstance(metric, Counter | Gauge | Histogram | Summary)


def test_every_label_has_few_values() -> None:
    unknown = {
        f"{full_name(m)}: {label}" for m in FOUND.values() for label in m._labelnames if label not in BOUNDED
    }
    assert not unknown, f"say in BOUNDED why their values are few: {unknown}"


def test_every_gauge_says_how_several_processes_make_one() -> None:
    for metric in FOUND.values():
        if isinstance(metric, Gauge):
            assert metric._multiprocess_mode in ("mostrecent", "max", "min", "sum"), full_name(metric)


def test_every_metric_is_used() -> None:
    elsewhere = "\n".join(s.text for s in sources("twooter", "workers"))
    unused = [name for name in FOUND if elsewhere.count(name) < 2]
    assert not unused, unused


def test_the_version_that_is_told_is_that_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package["version"] == VERSION
