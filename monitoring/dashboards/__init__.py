"""The dashboards. `make map` writes them as Grafana's JSON to where the chart and compose.yaml take them from."""

from __future__ import annotations

from pathlib import Path

from monitoring.dashboards.api import API
from monitoring.dashboards.database import DATABASE
from monitoring.dashboards.overview import OVERVIEW
from monitoring.dashboards.product import PRODUCT
from monitoring.dashboards.social import SOCIAL
from monitoring.dashboards.workers import WORKERS
from monitoring.panels import render

FOLDER = Path(__file__).parents[2] / "helm" / "twooter" / "files" / "dashboards"
DASHBOARDS = (OVERVIEW, API, WORKERS, DATABASE, PRODUCT, SOCIAL)


def write() -> None:
    """Write every dashboard's file, and remove those of dashboards that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = {FOLDER / f"{dashboard.name}.json": render(dashboard) for dashboard in DASHBOARDS}
    for path in set(FOLDER.glob("*.json")) - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
