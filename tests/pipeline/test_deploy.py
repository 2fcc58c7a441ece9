"""A deployment that does not work is taken back: by helm while pods start, by the script once they are there."""

import re
from pathlib import Path

import pytest
import yaml

from tests.pipeline.programs import Programs
from tests.rules.sources import ROOT

DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example/me/twooter@{DIGEST}"


@pytest.fixture
def cluster(tmp_path: Path) -> Programs:
    """Return a cluster on which revision 7 serves, everything works, and Helm is a 4."""
    programs = Programs(tmp_path)
    programs.environment = {
        "CHART": "oci://registry.example/me/charts/twooter",
        "VERSION": "0.2.0",
        "IMAGE": IMAGE,
        "URL": "https://twooter.example",
        "VALUES": str(tmp_path / "values.yaml"),
    }
    answers(programs, revision=7)
    probes(programs, "exit 0")
    return programs


def answers(
    programs: Programs,
    *,
    revision: int = 7,
    status: str = "deployed",
    version: str = "v4.3.1+g1",
    upgrade: str = "",
) -> None:
    """Let helm answer so; `upgrade` is what an upgrade does."""
    told = programs.answer("status.json", {"version": revision, "info": {"status": status}})
    programs.environment["HELM"] = str(
        programs.add(
            "helm",
            f'case $1 in version) echo "{version}" ;; status) cat "{told}" ;; upgrade) {upgrade or ":"} ;; esac',
        )
    )


def probes(programs: Programs, body: str) -> None:
    """Let the probe end so."""
    programs.environment["PYTHON"] = str(programs.add("python", body))


def test_what_works_stays(cluster: Programs) -> None:
    done = cluster.run(".ci/deploy")
    assert done.returncode == 0, done.stderr
    (upgrade,) = cluster.calls("helm upgrade")
    assert "--install --version 0.2.0" in upgrade
    assert f"image.repository=registry.example/me/twooter --set-string image.digest={DIGEST}" in upgrade
    assert "--rollback-on-failure --wait" in upgrade
    assert cluster.calls("python") == ["python -m twooter probe --url https://twooter.example"]
    assert not cluster.calls("helm rollback")


def test_helm_3_has_another_name_for_going_back(cluster: Programs) -> None:
    answers(cluster, version="v3.22.0+g1")
    assert cluster.run(".ci/deploy").returncode == 0
    (upgrade,) = cluster.calls("helm upgrade")
    assert "--atomic --wait" in upgrade
    assert "--rollback-on-failure" not in upgrade


def test_an_upgrade_that_helm_took_back_is_not_looked_at(cluster: Programs) -> None:
    answers(cluster, upgrade="echo 'pods are not ready' >&2; exit 1")
    done = cluster.run(".ci/deploy")
    assert done.returncode == 1
    assert "pods are not ready" in done.stderr
    assert not cluster.calls("python", "helm rollback")


def test_what_does_not_work_goes_back_to_the_revision_before_and_is_looked_at_again(
    cluster: Programs,
) -> None:
    first = cluster.folder / "first"
    probes(cluster, f'[ -e "{first}" ] || {{ touch "{first}"; exit 1; }}')
    done = cluster.run(".ci/deploy")
    assert done.returncode == 1
    assert cluster.calls("helm rollback") == [
        "helm rollback twooter 7 --namespace twooter --wait --timeout 10m"
    ]
    assert len(cluster.calls("python")) == 2
    assert "revision 7 serves again" in done.stderr


def test_it_is_said_when_the_revision_before_does_not_work_either(cluster: Programs) -> None:
    probes(cluster, "exit 1")
    done = cluster.run(".ci/deploy")
    assert done.returncode == 1
    assert "revision 7 does not work either" in done.stderr


@pytest.mark.parametrize("status", ["failed", "pending-install"])
def test_there_is_no_way_back_to_a_revision_that_never_served(cluster: Programs, status: str) -> None:
    answers(cluster, status=status)
    probes(cluster, "exit 1")
    done = cluster.run(".ci/deploy")
    assert done.returncode == 1
    assert not cluster.calls("helm rollback")
    assert "no earlier revision" in done.stderr


def test_the_first_install_has_no_way_back_and_says_so(cluster: Programs) -> None:
    cluster.environment["HELM"] = str(
        cluster.add("helm", 'case $1 in version) echo v4.3.1 ;; status) echo "not found" >&2; exit 1 ;; esac')
    )
    probes(cluster, "exit 1")
    done = cluster.run(".ci/deploy")
    assert done.returncode == 1
    assert len(cluster.calls("helm upgrade")) == 1
    assert not cluster.calls("helm rollback")
    assert "no earlier revision" in done.stderr


@pytest.mark.parametrize("image", ["twooter:latest", "registry.example/twooter", f"{IMAGE}0", "@" + DIGEST])
def test_an_image_that_may_change_under_its_name_is_refused(cluster: Programs, image: str) -> None:
    cluster.environment["IMAGE"] = image
    done = cluster.run(".ci/deploy")
    assert done.returncode == 2
    assert "IMAGE is not name@sha256" in done.stderr
    assert cluster.calls() == []


@pytest.mark.parametrize("name", ["CHART", "IMAGE", "URL", "VALUES"])
def test_a_missing_variable_is_named(cluster: Programs, name: str) -> None:
    del cluster.environment[name]
    done = cluster.run(".ci/deploy")
    assert done.returncode != 0
    assert name in done.stderr
    assert cluster.calls() == []


def test_the_values_that_are_set_are_values_of_the_chart(cluster: Programs) -> None:
    """A name that the chart does not know would be refused by its schema, in the middle of a deployment."""
    cluster.run(".ci/deploy")
    (upgrade,) = cluster.calls("helm upgrade")
    known = yaml.safe_load((ROOT / "helm" / "twooter" / "values.yaml").read_text())
    names = re.findall(r"--set-string (\w+)\.(\w+)=", upgrade)
    assert names == [("image", "repository"), ("image", "digest")]
    assert all(key in known[section] for section, key in names)
    assert (ROOT / "helm" / "twooter" / "values-production.yaml").is_file()
