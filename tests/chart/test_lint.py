"""Helm finds nothing to complain of, and both its versions make the same of the chart."""

import pytest

from tests.chart.charts import CHART, FILES, NEWEST, helm, needed, parsed, template

files = pytest.mark.parametrize("name", FILES)


@files
@pytest.mark.parametrize("program", ["helm", "helm4"])
def test_helm_finds_nothing_to_complain_of(program: str, name: str) -> None:
    arguments = [option for file in FILES[name] for option in ("--values", str(CHART / file))]
    for path, value in needed(name).items():
        arguments += ["--set", f"{path}={value}"]
    told = helm("lint", "--strict", "--kube-version", NEWEST, str(CHART), *arguments, program=program)
    assert "0 chart(s) failed" in told


@files
def test_helm_3_and_helm_4_make_the_same(name: str) -> None:
    """But for blank lines."""
    three, four = (
        parsed(template(*FILES[name], sets=needed(name), program=program)) for program in ("helm", "helm4")
    )
    assert three == four


def test_both_helms_are_what_they_are_called() -> None:
    assert helm("version", "--short").startswith("v3.")
    assert helm("version", "--short", program="helm4").startswith("v4.")
