"""The generated parts of docs/metrics.md and docs/logs.md: every metric, and every event that is logged."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from tests.rules.sources import PACKAGES, sources
from twooter import metrics

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def render_metrics() -> str:
    """Return a table with a line per metric of ours: name, kind, labels, buckets, meaning."""
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    rows = [
        f"| `{full_name(metric)}` | {metric._type} | {_labels(metric)} | {metric._documentation}{_buckets(metric)} |"
        for metric in sorted(found, key=full_name)
    ]
    return "\n".join(["| metric | kind | labels | what it says |", "|---|---|---|---|", *rows])


def full_name(metric: MetricWrapperBase) -> str:
    """Return the name as it is scraped."""
    return f"{metric._name}_total" if isinstance(metric, Counter) else metric._name


def _labels(metric: MetricWrapperBase) -> str:
    return ", ".join(f"`{label}`" for label in metric._labelnames) or "–"


def _buckets(metric: MetricWrapperBase) -> str:
    if not isinstance(metric, Histogram):
        return ""
    return f" Buckets: {', '.join(f'{bound:g}' for bound in metric._upper_bounds[:-1])} s."


def render_events() -> str:
    """Return a table with a line per event that the code logs: level, event, part, and the fields it carries."""
    rows = sorted(
        {f"| `{event}` | {level} | `{part}` | {fields} |" for part, event, level, fields in events()}
    )
    return "\n".join(["| event | level | part | fields |", "|---|---|---|---|", *rows])


@cache
def events() -> tuple[tuple[str, str, str, str], ...]:
    """Return part, event, level and fields of every call of a logger."""
    return tuple(found for source in sources(*PACKAGES) for found in _events_in(source.tree))


def _events_in(tree: ast.Module) -> Iterator[tuple[str, str, str, str]]:
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    parts = [_text(call.args[0]) for call in calls if _name(call.func) == "get_logger"]
    either = {
        _name(node.targets[0]): node.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
    }
    for call in calls:
        level, event = _level(call.func, either), _text(call.args[0])
        if level and event and any(parts):
            fields = ", ".join(f"`{keyword.arg}`" for keyword in call.keywords if keyword.arg) or "–"
            yield next(filter(None, parts)), event, level, fields


def _level(node: ast.expr, either: Mapping[str, ast.IfExp]) -> str:
    """Return the level that a call of this function logs with; of `write = log.a if bad else log.b` both."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log":
        return {"exception": "error"}.get(node.attr, node.attr) if node.attr in LEVELS else ""
    chosen = either.get(_name(node)) if isinstance(node, ast.Name) else None
    if chosen is None:
        return ""
    return " or ".join(filter(None, (_level(chosen.body, {}), _level(chosen.orelse, {}))))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
