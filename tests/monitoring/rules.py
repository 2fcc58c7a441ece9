"""What tests read of the alert rules, their promtool cases and the dashboards' queries."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import Counter, Gauge, Histogram, Summary

from tests import servers
from tests.rules.metrics_page import full_name
from tests.rules.sources import ROOT
from twooter import metrics

ALERTS = ROOT / "helm" / "twooter" / "files" / "alerts"
CASES = ROOT / "tests" / "monitoring" / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"
Rule = dict[str, Any]  # Any: as Prometheus reads it

_NAMES = re.compile(r"\b(?:twooter|process)_\w+|\bup\b|\bkube_\w+")
_OF_PROCESSES = {
    f"process_{what}"
    for what in (
        "cpu_seconds_total",
        "resident_memory_bytes",
        "virtual_memory_bytes",
        "open_fds",
        "max_fds",
        "start_time_seconds",
    )
}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool, which comes with Prometheus; where it is missing, skip or fail as services do."""
    tool = servers.started(lambda: servers.program("promtool"))
    return subprocess.run([tool, *arguments], check=False, capture_output=True, text=True, timeout=100)


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule of the chart, alerting and recording."""
    return tuple(rule for path in sorted(ALERTS.glob("*.yaml")) for rule in rules_of(path))


def rules_of(path: Path) -> Iterator[Rule]:
    """Yield the rules of one file."""
    for group in yaml.safe_load(path.read_text())["groups"]:
        yield from group["rules"]


def alerts() -> dict[str, Rule]:
    """Return every alert by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def known_metrics() -> set[str]:
    """Return the name of every series that the code can make, that rules record, and that Prometheus adds."""
    names = {"up"} | _OF_PROCESSES | {rule["record"] for rule in rules() if "record" in rule}
    for metric in vars(metrics).values():
        if isinstance(metric, Histogram):
            names |= {f"{metric._name}_{part}" for part in ("bucket", "sum", "count")}
        elif isinstance(metric, Summary):
            names |= {f"{metric._name}_{part}" for part in ("sum", "count")}
        elif isinstance(metric, Counter | Gauge):
            names.add(full_name(metric))
    return names


def metrics_in(query: str) -> set[str]:
    """Return the names of metrics in a query, recorded ones included."""
    without_values = re.sub(r'"[^"]*"', '""', query)
    recorded = set(re.findall(r"\btwooter(?::\w+)+", without_values))
    plain = re.sub(r"\btwooter(?::\w+)+", "", without_values)
    return recorded | set(_NAMES.findall(plain))
