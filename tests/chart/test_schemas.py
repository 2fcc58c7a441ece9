"""The check against schemas finds what it is for: it is run on manifests that are wrong."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.charts import ROOT, Manifest

SELECTOR = {"selector": {"matchLabels": {"a": "b"}}}
METADATA = {"metadata": {"name": "x"}}
FINE: Manifest = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "spec": {**SELECTOR, "endpoints": [{"port": "metrics"}]},
    **METADATA,
}
WRONG: dict[str, tuple[Manifest, str]] = {
    "a key of Kubernetes' that is none": (
        {"apiVersion": "v1", "kind": "Service", "spec": {"port": 80}, **METADATA},
        "v1 Service x: spec: Additional properties are not allowed ('port' was unexpected)",
    ),
    "text for a number": (
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": "all"}, **METADATA},
        "PodDisruptionBudget x: spec.selector: 'all' is not of type",
    ),
    "an operator's key that is none": (
        {**FINE, "spec": {**SELECTOR, "endpoints": [{"port": "metrics", "scrapeTimeOut": "5s"}]}},
        "ServiceMonitor x: spec.endpoints.0: Additional properties are not allowed ('scrapeTimeOut' was unexpected)",
    ),
    "what an operator needs": ({**FINE, "spec": SELECTOR}, "'endpoints' is a required property"),
    "a kind nobody knows": (
        {"apiVersion": "example.org/v1", "kind": "Bird", **METADATA},
        "example.org/v1 Bird x",
    ),
}


def checked(folder: Path, manifest: Manifest) -> subprocess.CompletedProcess[str]:
    """Check one manifest as `make chart` does."""
    (folder / "one-1.34.yaml").write_text(yaml.safe_dump(manifest))
    program = [f"{os.environ['TWOOTER_TEST_CHART']}/python", str(ROOT / ".ci" / "schemas.py")]
    command = [*program, str(folder), os.environ["TWOOTER_TEST_DEFINITIONS"], "1.34"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found_and_named(case: str, tmp_path: Path) -> None:
    manifest, words = WRONG[case]
    done = checked(tmp_path, manifest)
    assert done.returncode == 1
    assert words in done.stderr


def test_what_is_fine_passes(tmp_path: Path) -> None:
    assert checked(tmp_path, FINE).returncode == 0
