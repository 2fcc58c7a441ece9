"""Configurations of what watches Twooter: promtool reads Prometheus' own; of the others, which no registry of Python or
Debian has, the structure is checked: everything named is defined, everything defined is used, files are where they are
looked for.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.rules import alerts, promtool
from tests.rules.sources import ROOT

FOLDER = ROOT / "monitoring"
COLLECTORS = ("otel-collector.yaml", "otel-collector-compose.yaml")
OPERATORS = {"container", "filter", "json_parser", "time_parser", "severity_parser", "remove"}
Config = dict[str, Any]  # Any: as each program has it


def load(name: str) -> Config:
    """Return a configuration."""
    found: Config = yaml.safe_load((FOLDER / name).read_text())
    return found


def mounts(service: str) -> dict[str, Path]:
    """Return where compose.yaml shows files of the repository to a service."""
    listed = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"][service]["volumes"]
    pairs = [volume.split(":")[:2] for volume in listed if volume.startswith("./")]
    return {inside: (ROOT / outside).resolve() for outside, inside in pairs}


def test_prometheus_takes_its_configuration() -> None:
    checked = promtool("check", "config", "--syntax-only", str(FOLDER / "prometheus.yaml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_scrapes_every_part_that_must_not_be_absent() -> None:
    (job,) = load("prometheus.yaml")["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    wanted = set(re.findall(r'component="(\w+)"', alerts()["TwooterScrapeAbsent"]["expr"]))
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert job["job_name"] == "twooter"
    assert wanted <= set(names["names"]) <= services.keys()


def test_prometheus_finds_the_rules_of_the_chart() -> None:
    (pattern,) = load("prometheus.yaml")["rule_files"]
    folder, _, names = pattern.rpartition("/")
    assert mounts("prometheus")[folder] == ROOT / "helm" / "twooter" / "files" / "alerts"
    assert names == "*.yaml"


def test_grafana_finds_the_dashboards_of_the_chart() -> None:
    (provider,) = load("grafana/provisioning/dashboards/twooter.yaml")["providers"]
    shown = mounts("grafana")
    assert shown[provider["options"]["path"]] == ROOT / "helm" / "twooter" / "files" / "dashboards"
    assert shown["/etc/grafana/provisioning"] == FOLDER / "grafana" / "provisioning"


def test_grafana_has_the_sources_that_run_beside_it() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    sources = load("grafana/provisioning/datasources/twooter.yaml")["datasources"]
    assert {source["type"] for source in sources} == {"prometheus", "loki"}
    for source in sources:
        name, _, port = source["url"].removeprefix("http://").partition(":")
        assert name in services
        assert port == {"prometheus": "9090", "loki": "3100"}[name]
    assert [source["name"] for source in sources if source.get("isDefault")] == ["Prometheus"]


def test_loki_finds_the_rules() -> None:
    loki = load("loki/loki.yaml")
    folder = mounts("loki")[loki["ruler"]["storage"]["local"]["directory"]]
    assert not loki["auth_enabled"]  # then its one tenant is called `fake`
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")] == ["fake/twooter.yaml"]
    assert loki["limits_config"]["allow_structured_metadata"], "OTLP needs it"
    assert [period["schema"] for period in loki["schema_config"]["configs"]] == ["v13"]


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_collector_uses_all_that_it_defines_and_nothing_else(name: str) -> None:
    collector = load(name)
    pipelines = collector["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert collector[kind].keys() == {part for pipeline in pipelines for part in pipeline[kind]}
    assert set(collector.get("extensions", {})) == set(collector["service"].get("extensions", []))
    stores = {part.get("storage") for part in _parts(collector) if isinstance(part, dict)} - {None}
    assert stores <= set(collector.get("extensions", {}))


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_collector_is_patient_with_memory_first_and_sends_in_batches(name: str) -> None:
    for pipeline in load(name)["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_collector_reads_lines_as_the_page_says_they_are(name: str) -> None:
    operators = load(name)["receivers"]["filelog"]["operators"]
    by_type = {operator["type"]: operator for operator in operators}
    assert by_type.keys() <= OPERATORS
    assert operators[0]["type"] == "container"
    assert by_type["time_parser"]["parse_from"] == "attributes.line.timestamp"
    assert by_type["severity_parser"]["parse_from"] == "attributes.line.level"
    assert by_type["json_parser"]["parse_to"] == by_type["remove"]["field"] == "attributes.line"
    assert {"key": "service.name", "value": "twooter", "action": "insert"} in load(name)["processors"][
        "resource"
    ]["attributes"]


def test_the_collector_says_which_variables_it_needs() -> None:
    text = (FOLDER / "otel-collector.yaml").read_text()
    used = set(re.findall(r"\$\{env:(\w+)\}", text))
    assert used == set(re.findall(r"^# +([A-Z_]+) +http", text, re.MULTILINE))
    assert "${env" not in (FOLDER / "otel-collector-compose.yaml").read_text()


def _parts(value: Any) -> Iterator[Any]:  # Any: YAML
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from _parts(part)
