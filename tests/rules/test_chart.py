"""What the chart knows of Twooter is what the code says: versions, settings, queues, commands."""

import json
import re
import tomllib
from typing import Any

import click
import yaml

from tests.rules.sources import ROOT
from twooter.broker import ALL_QUEUES
from twooter.cli import main as cli
from twooter.settings import Settings
from workers.__main__ import main as workers

CHART = ROOT / "helm" / "twooter"
SETTINGS = {f"TWOOTER_{name.upper()}" for name in Settings.model_fields}
SECRETS = {
    f"TWOOTER_{name.upper()}"
    for name, field in Settings.model_fields.items()
    if "Secret" in str(field.annotation)
}


def schema() -> Any:  # Any: JSON
    """Return the schema of the chart's values."""
    return json.loads((CHART / "values.schema.json").read_text())


def defined(name: str) -> str:
    """Return the text of one of the chart's definitions of what it knows of Twooter."""
    text = (CHART / "templates" / "_queues.tpl").read_text()
    found = re.search(rf'define "twooter.{name}" -}}}}\n(.*?){{{{- end', text, re.DOTALL)
    assert found
    return found[1].strip()


def test_chart_and_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (package, package)


def test_every_setting_can_be_set_and_nothing_else() -> None:
    known = set(schema()["properties"]["config"]["properties"])
    assert known == SETTINGS, "properties.config of values.schema.json lists every setting"


def test_settings_with_a_place_of_their_own_are_settings() -> None:
    assert set(yaml.safe_load(defined("elsewhere"))) <= SETTINGS


def test_no_secret_goes_into_the_config_map() -> None:
    elsewhere = set(yaml.safe_load(defined("elsewhere")))
    assert elsewhere >= SECRETS, "say in twooter.elsewhere which Secret holds it"


def test_every_variable_that_templates_write_is_a_setting() -> None:
    written = {
        name
        for path in [*(CHART / "templates").rglob("*.*"), *CHART.glob("values*.yaml")]
        for name in re.findall(r"\bTWOOTER_[A-Z_]+[A-Z]\b", path.read_text())
    }
    assert written <= SETTINGS, written - SETTINGS
    assert written >= SECRETS


def test_queues_are_the_broker_s() -> None:
    assert tuple(defined("queues").split()) == ALL_QUEUES
    groups = schema()["properties"]["worker"]["properties"]["groups"]
    assert tuple(groups["items"]["properties"]["queues"]["items"]["enum"]) == ALL_QUEUES


def test_pods_run_commands_that_there_are() -> None:
    known = {
        name: set(group.list_commands(click.Context(group)))
        for name, group in {"twooter": cli, "workers": workers}.items()
    }
    called = {
        tuple(found)
        for path in (CHART / "templates").rglob("*.yaml")
        for found in re.findall(r'"args" \(list "(\w+)" "(\w+)"', path.read_text())
    }
    assert called >= {("twooter", "serve"), ("twooter", "relay"), ("workers", "worker"), ("workers", "beat")}
    assert all(command in known[program] for program, command in called), called
