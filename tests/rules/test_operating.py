"""The operating guide names tests, steps and metrics that exist: a promise of it can be looked up."""

import re

import pytest

from e2e.__main__ import STEPS
from tests.rules.house_map import between_marks
from tests.rules.sources import ROOT, sources
from twooter import metrics

GUIDE = (ROOT / "docs" / "operating.md").read_text()
TESTS = {name for source in sources("tests") for name in re.findall(r"def (test_\w+)\(", source.text)}
STEP_NAMES = {step.name for step in STEPS}
NO_TEST = {"the primary, with a promoted replica behind it", "the signing keys"}
"""What replication and a safe place promise; each line says so."""


def disasters() -> list[list[str]]:
    """Return the cells of each line of the disaster table."""
    section = GUIDE.split("## What is lost when … dies")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def test_the_disaster_table_is_found() -> None:
    assert len(disasters()) > 10


@pytest.mark.parametrize("row", disasters(), ids=lambda row: row[0])
def test_each_line_of_the_disaster_table_names_what_shows_it(row: list[str]) -> None:
    tests = set(re.findall(r"`(test_\w+)`", row[3]))
    steps = {name.strip() for name in row[3].partition("e2e:")[2].split(",") if name.strip()}
    assert tests <= TESTS
    assert steps <= STEP_NAMES
    assert tests or steps or row[0] in NO_TEST, row[0]


def test_every_metric_of_the_guide_exists() -> None:
    named = set(re.findall(r"`(twooter_\w+)`", GUIDE))
    source = (ROOT / metrics.__file__).read_text()
    assert named
    assert {name for name in named if name.removeprefix("twooter_") not in source} == set()


def test_the_report_of_the_last_run_has_its_place() -> None:
    assert between_marks(GUIDE, "e2e")
