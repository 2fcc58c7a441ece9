"""Image and chart leave under one version, and nothing is signed that the registry did not name by a digest."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.programs import Programs
from tests.rules.sources import ROOT

IMAGE_DIGEST, CHART_DIGEST = "sha256:" + "1" * 64, "sha256:" + "2" * 64
BASE_DIGEST = "sha256:" + "3" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Programs:
    """Return a registry that takes everything; what is built lies in a folder of the test."""
    programs = Programs(tmp_path)
    programs.environment = {
        "REGISTRY": "registry.example/Some-Body",
        "VERSION": "0.2.0",
        "SIGN": "1",
        "DIST": str(tmp_path / "dist"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    metadata = programs.answer("metadata.json", {"containerimage.digest": IMAGE_DIGEST})
    programs.add(
        "docker",
        f'if [ "$2" = imagetools ]; then echo {BASE_DIGEST}; else cp "{metadata}" "{tmp_path}/dist/image.json"; fi',
    )
    programs.environment["HELM"] = str(
        programs.add("helm", f'[ "$1" != push ] || printf "Pushed: it\\nDigest: {CHART_DIGEST}\\n" >&2')
    )
    programs.add("cosign", ":")
    return programs


def test_image_and_chart_have_one_version_and_both_are_signed_by_digest(registry: Programs) -> None:
    done = registry.run(".ci/publish")
    assert done.returncode == 0, done.stderr
    build = registry.calls("docker buildx build")[0]
    assert "--platform linux/amd64,linux/arm64 --tag registry.example/some-body/twooter:0.2.0 --push" in build
    assert "--sbom=true --provenance=mode=max" in build
    assert registry.calls("helm package")[0].startswith(
        "helm package helm/twooter --version 0.2.0 --app-version 0.2.0"
    )
    assert registry.calls("helm push")[0].endswith(
        "dist/twooter-0.2.0.tgz oci://registry.example/some-body/charts"
    )
    assert registry.calls("cosign") == [
        f"cosign sign --yes --recursive registry.example/some-body/twooter@{IMAGE_DIGEST}",
        f"cosign sign --yes registry.example/some-body/charts/twooter@{CHART_DIGEST}",
    ]


def test_the_base_is_built_from_by_its_digest(registry: Programs) -> None:
    registry.run(".ci/publish")
    build = registry.calls("docker buildx build")[0]
    assert f"@{BASE_DIGEST} --build-arg BASE_DIGEST={BASE_DIGEST}" in build


def test_every_label_that_the_image_has_is_given(registry: Programs) -> None:
    """What the Dockerfile asks for and nobody gives would be its default: version 0.0.0, of the year 1970."""
    registry.run(".ci/publish")
    build = registry.calls("docker buildx build")[0]
    asked = {
        line.removeprefix("ARG ").partition("=")[0]
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("ARG ")
    }
    given = {word.partition("=")[0] for word in build.split() if "=" in word and word[0].isupper()}
    assert asked <= given
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert f"REVISION={head}" in build


def test_the_next_step_is_told_names_and_digests(registry: Programs) -> None:
    registry.run(".ci/publish")
    told = dict(line.split("=", 1) for line in (registry.folder / "output").read_text().splitlines())
    assert told == {
        "image": "registry.example/some-body/twooter",
        "image_digest": IMAGE_DIGEST,
        "chart": "registry.example/some-body/charts/twooter",
        "chart_digest": CHART_DIGEST,
    }


@pytest.mark.parametrize("digest", ["", "sha256:12", "latest"])
def test_without_a_digest_nothing_is_signed(registry: Programs, digest: str) -> None:
    (registry.folder / "metadata.json").write_text(json.dumps({"containerimage.digest": digest}))
    done = registry.run(".ci/publish")
    assert done.returncode == 1
    assert not registry.calls("cosign")
    assert not (registry.folder / "output").exists()


def test_on_a_laptop_nothing_is_signed(registry: Programs) -> None:
    del registry.environment["SIGN"]
    assert registry.run(".ci/publish").returncode == 0
    assert not registry.calls("cosign")


@pytest.mark.parametrize("name", ["REGISTRY", "VERSION"])
def test_a_missing_variable_is_named(registry: Programs, name: str) -> None:
    del registry.environment[name]
    done = registry.run(".ci/publish")
    assert done.returncode != 0
    assert name in done.stderr
    assert registry.calls() == []
