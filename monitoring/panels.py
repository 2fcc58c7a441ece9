"""Grafana's dashboard JSON, from titles, queries and units."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["timeseries", "stat", "table", "bargauge"]
Json = dict[str, Any]  # Any: as Grafana's model has it
_COLUMNS, _HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_METRIC = re.compile(r"\b((?:twooter[_:]|process_)[\w:]*)(?:\{([^}]*)\})?")


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: queries by legend, all in one unit of Grafana's (`s`, `reqps`, `percentunit`, `short`)."""

    title: str
    unit: str
    queries: dict[str, str]
    about: str
    kind: Kind = "timeseries"
    width: int = 8
    red_from: float | None = None
    """The value from which a figure is red (below it: green)."""
    red_below: float | None = None
    """The value below which a figure is red (from it on: green)."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Panels under headings, from left to right and from top to bottom."""

    name: str
    title: str
    about: str
    rows: dict[str, Sequence[Panel]]

    def panels(self) -> Iterator[Panel]:
        """Yield every panel."""
        for panels in self.rows.values():
            yield from panels


def of_namespace(query: str) -> str:
    """Return a query that looks only at the namespace chosen on the dashboard; without Kubernetes there is none."""

    def add(found: re.Match[str]) -> str:
        chosen = 'namespace=~"$namespace"'
        if found[1].startswith("process_"):  # others have these too
            chosen = f'job="twooter", {chosen}'
        return f"{found[1]}{{{chosen}, {found[2]}}}" if found[2] else f"{found[1]}{{{chosen}}}"

    return _METRIC.sub(add, query)


def render(dashboard: Dashboard) -> str:
    """Return the dashboard's JSON, the same for the same dashboard."""
    model: Json = {
        "uid": f"twooter-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["twooter"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "links": [{"type": "dashboards", "tags": ["twooter"], "asDropdown": True, "title": "Twooter"}],
        "templating": {"list": _VARIABLES},
        "panels": list(_placed(dashboard)),
    }
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"


_VARIABLES: list[Json] = [
    {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
    {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": "label_values(twooter_build_info, namespace)", "refId": "namespace"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    },
]


def _placed(dashboard: Dashboard) -> Iterator[Json]:
    number, top = 0, 0
    for heading, panels in dashboard.rows.items():
        number += 1
        yield {"id": number, "type": "row", "title": heading, "gridPos": _place(0, top, _COLUMNS, 1)}
        top, left = top + 1, 0
        for panel in panels:
            if left + panel.width > _COLUMNS:
                top, left = top + _HEIGHT, 0
            number += 1
            yield {"id": number, "gridPos": _place(left, top, panel.width, _HEIGHT), **_drawn(panel)}
            left += panel.width
        top += _HEIGHT


def _place(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "w": width, "h": height}


def _drawn(panel: Panel) -> Json:
    now = panel.kind != "timeseries"
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": _SOURCE,
                "expr": of_namespace(query),
                "legendFormat": legend,
                **({"instant": True, "range": False} if now else {}),
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for position, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, **_limits(panel)}, "overrides": []},
        "options": _options(panel),
    }


def _limits(panel: Panel) -> Json:
    if panel.red_from is not None:
        steps: list[Json] = [{"color": "green", "value": None}, {"color": "red", "value": panel.red_from}]
    elif panel.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red_below}]
    else:
        return {"min": 0} if panel.kind == "timeseries" else {}
    return {"thresholds": {"mode": "absolute", "steps": steps}}


def _options(panel: Panel) -> Json:
    if panel.kind == "timeseries":
        return {"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"displayMode": "list"}}
    if panel.kind == "table":
        return {"showHeader": True}
    return {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal"}
