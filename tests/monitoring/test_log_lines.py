"""Log lines of a whole run are what docs/logs.md says, and the alert on them is the same in Loki and in Prometheus."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.faults.apps import App
from tests.monitoring.rules import alerts, rules_of
from tests.processes import wait_until
from tests.rules.metrics_page import LEVELS, events
from tests.rules.sources import ROOT

pytestmark = pytest.mark.timeout(300)  # the first that asks waits for all processes to start
PAGE = ROOT / "docs" / "logs.md"
LOKI = ROOT / "monitoring" / "loki" / "rules" / "fake" / "twooter.yaml"


def schema() -> dict[str, Any]:  # Any: JSON
    """Return the schema in the page."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found: dict[str, Any] = next(block for block in map(json.loads, blocks) if "$schema" in block)
    return found


def test_the_example_of_the_page_is_a_line_of_the_schema() -> None:
    block = next(iter(re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)))
    jsonschema_rs.validator_for(schema()).validate(json.loads(block))


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": ""},
        {"level": "notice"},
        {"timestamp": "2026-11-22 18:01:02"},
        {"status": "201"},
        {"part": None},
    ],
    ids=str,
)
def test_a_line_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:  # Any: JSON
    right = {"event": "x", "level": "info", "timestamp": "2026-11-22T18:01:02.345678Z", "part": "http"}
    validator = jsonschema_rs.validator_for(schema())
    validator.validate(right)
    assert not validator.is_valid({**right, **wrong})


def test_every_line_of_every_process_is_one_of_the_schema(app: App) -> None:
    validator = jsonschema_rs.validator_for(schema())
    events_of_all = {"request", "task", "twoot_published", "signed_in", "batch_applied"}
    wait_until(lambda: all(f'"{event}"' in app.logs() for event in events_of_all), seconds=60, what="lines")
    seen = set()
    whole = "".join(part.log().rpartition("\n")[0] + "\n" for part in app.parts.values() if part.log())
    for line in whole.splitlines():
        told = json.loads(line)
        assert validator.is_valid(told), line
        seen.add(told["event"])
    assert events_of_all <= seen


def test_an_event_is_a_name_and_its_level_one_that_the_page_knows() -> None:
    assert len(events()) > 40
    for _, event, level, _ in events():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", event), event
        assert set(level.split(" or ")) <= set(LEVELS)


def test_loki_and_prometheus_alert_on_the_same_error_lines() -> None:
    (of_loki,) = rules_of(LOKI)
    of_prometheus = alerts()["TwooterErrorLogs"]
    assert _told(of_loki["expr"]) == _told(of_prometheus["expr"]) == ('"error|critical"', "10m", "3")
    assert of_loki["alert"] == "TwooterErrorLogs"
    for name in ("for", "labels"):
        assert of_loki[name] == of_prometheus[name]
    assert of_loki["annotations"]["runbook_url"] == of_prometheus["annotations"]["runbook_url"]


def _told(query: str) -> tuple[str, str, str]:
    """Return the levels, the window and the threshold of a query on error lines."""
    found = re.search(r'level=~("[^"]+").*\[(\w+)\]\W*> (\d+)', query)
    assert found is not None, query
    return found[1], found[2], found[3]


def test_loki_reads_rules_in_the_dialect_of_prometheus() -> None:
    groups = yaml.safe_load(LOKI.read_text())["groups"]
    assert [set(group) for group in groups] == [{"name", "rules"}]
