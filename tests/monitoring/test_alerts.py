"""Alerts: each fires when it should, else is quiet, says what to look at, and asks for metrics that exist."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.rules import ALERTS, CASES, RUNBOOKS, alerts, known_metrics, metrics_in, promtool, rules
from tests.rules.sources import ROOT


def cases() -> list[dict[str, Any]]:  # Any: as promtool reads them
    """Return every case of every file."""
    return [case for path in CASES.glob("*.yaml") for case in yaml.safe_load(path.read_text())["tests"]]


@pytest.mark.parametrize("path", sorted(ALERTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_prometheus_takes_the_rules(path: Path) -> None:
    checked = promtool("check", "rules", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_alerts_fire_and_stay_quiet_as_their_cases_say(path: Path) -> None:
    tested = promtool("test", "rules", str(path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_case_that_is_wrong_fails(tmp_path: Path) -> None:
    """What promtool says is listened to: a case turned around is no success."""
    path = CASES / "probe.yaml"
    text = path.read_text().replace("../../../helm", str(ROOT / "helm"))
    turned = tmp_path / "turned.yaml"
    turned.write_text(text.replace("1 1 0x10", "1 1 1x10"))
    assert promtool("test", "rules", str(turned)).returncode != 0


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_has_a_case_that_fires_and_one_that_stays_quiet(name: str) -> None:
    asked = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    expected = [
        bool(test["exp_samples"])
        for case in cases()
        if case["input_series"]
        for test in case["promql_expr_test"]
        if test["expr"] == asked and case["name"].startswith((f"{name} fires ", f"{name} stays quiet "))
    ]
    assert set(expected) == {True, False}


def test_cases_are_of_alerts_that_exist() -> None:
    names = [str(case["name"]) for case in cases()]
    assert len(names) == len(set(names))
    assert {name.partition(" ")[0] for name in names} == alerts().keys()


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_what_it_is_and_what_to_look_at(name: str) -> None:
    alert = alerts()[name]
    said = alert["annotations"]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert said.keys() == {"summary", "description", "runbook_url"}
    assert said["summary"].endswith(".")
    assert "Look at" in said["description"] or "Keep" in said["description"]
    assert said["runbook_url"].endswith(f"/docs/runbooks/{name}.md")


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_has_a_runbook(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert "\n## Look\n" in page
    assert "\n## Do\n" in page
    assert "```" in page, "no command to try"


def test_every_runbook_is_of_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == alerts().keys()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert metrics_in(rule["expr"])
    assert not metrics_in(rule["expr"]) - known_metrics()


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert metrics_in("max by (kind) (twooter_aggregate_drifts) > 0") - known_metrics()
    assert metrics_in("sum(twooter:availability_good:rate5m)") - known_metrics()
    assert metrics_in('rate(twooter_query_seconds{statement="twooter_x"}[5m])') == {"twooter_query_seconds"}
    assert "twooter_query_seconds" not in known_metrics()


def test_an_alert_tells_installations_apart() -> None:
    """One Prometheus may watch several namespaces: what is summed is summed by namespace."""
    for name, alert in alerts().items():
        summed = [
            part
            for part in ("sum(", "max(", "min(", "sum by (", "max by (", "min by (")
            if part in alert["expr"]
        ]
        assert all("by (" in part for part in summed), name
        assert alert["expr"].count(" by (") == alert["expr"].count(" by (namespace"), name
