"""Dashboards and rules against a real Prometheus that scrapes a real Twooter: no panel is empty, no query is wrong."""

import itertools
import json
import re
from collections.abc import Iterator

import pytest

from monitoring.dashboards import DASHBOARDS, FOLDER
from monitoring.panels import Dashboard, of_namespace, render
from tests.monitoring.prometheuses import Prometheus
from tests.monitoring.rules import RUNBOOKS, known_metrics, metrics_in
from tests.processes import wait_until

pytestmark = pytest.mark.timeout(300)  # the first that asks waits for all processes to start
TARGETS = 5
MAX_SERIES = 2_000
PATIENCE_SECONDS = 90
PROMQL = re.compile(r"```promql\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_the_file_is_what_its_source_says(dashboard: Dashboard) -> None:
    assert (FOLDER / f"{dashboard.name}.json").read_text() == render(dashboard), "run `make map`"


def test_every_file_has_a_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {dashboard.name for dashboard in DASHBOARDS}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_a_dashboard_is_what_grafana_takes(dashboard: Dashboard) -> None:
    model = json.loads(render(dashboard))
    panels = model["panels"]
    assert model["uid"] == f"twooter-{dashboard.name}"
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells)), "panels lie on each other"
    assert all(x < 24 for x, _ in cells)
    for panel in panels:
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["targets"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return itertools.product(columns, rows)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_a_dashboard_asks_for_metrics_that_exist(dashboard: Dashboard) -> None:
    for panel in dashboard.panels():
        for query in panel.queries.values():
            assert metrics_in(query), panel.title
            assert not metrics_in(query) - known_metrics(), panel.title


def test_a_query_looks_at_the_chosen_namespace() -> None:
    assert of_namespace('sum(rate(twooter_a_total{b="c"}[5m])) / twooter:d:rate5m') == (
        'sum(rate(twooter_a_total{namespace=~"$namespace", b="c"}[5m])) / twooter:d:rate5m{namespace=~"$namespace"}'
    )
    assert of_namespace("process_open_fds") == 'process_open_fds{job="twooter", namespace=~"$namespace"}'


def test_no_panel_is_empty(prometheus: Prometheus) -> None:
    empty = {
        (dashboard.name, panel.title, of_all_namespaces(query))
        for dashboard in DASHBOARDS
        for panel in dashboard.panels()
        for query in panel.queries.values()
    }

    def is_full() -> bool:
        empty.difference_update([place for place in empty if prometheus.values(place[2])])
        return not empty

    try:
        wait_until(is_full, seconds=PATIENCE_SECONDS, what="figures on every panel")
    except TimeoutError:
        pytest.fail("\n".join(["no data for", *map(str, sorted(empty))]))


def of_all_namespaces(query: str) -> str:
    """Return what Grafana would send, with all namespaces chosen."""
    return of_namespace(query).replace("$namespace", ".*").replace("$__rate_interval", "1m")


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    wait_until(
        lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()),
        seconds=30,
        what="evaluations",
    )
    assert [(rule["name"], rule["lastError"]) for rule in prometheus.rules() if rule["health"] != "ok"] == []


def test_the_queries_of_runbooks_are_queries_of_metrics_that_exist(prometheus: Prometheus) -> None:
    queries = [query for page in RUNBOOKS.glob("*.md") for query in PROMQL.findall(page.read_text())]
    assert len(queries) > 20
    for query in queries:
        prometheus.values(query)
        assert not metrics_in(query) - known_metrics()


def test_a_process_has_a_bounded_number_of_series(prometheus: Prometheus) -> None:
    assert len(prometheus.values("scrape_samples_scraped")) == TARGETS
    assert max(prometheus.values("scrape_samples_scraped")) <= MAX_SERIES
    assert prometheus.values('count(process_start_time_seconds{component="api"})') == [3]
