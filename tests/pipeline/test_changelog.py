"""The changelog keeps the form of Keep a Changelog, and a release finds its notes in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.sources import ROOT

SCRIPT = ROOT / ".ci" / "release.py"
GOOD = """# Changelog

## [Unreleased]

### Added

- Something to come.

## [0.10.0] - 2026-12-02

One sentence first.

### Changed

- A thing, with `code`:

  ```text
  ## [0.9.9] - this is an example
  ```

### Fixed

- Another.

## [0.9.0] - 2026-12-01

### Added

- The first.
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a repository with nothing but versions."""
    (tmp_path / "CHANGELOG.md").write_text(GOOD)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "twooter"\nversion = "0.10.0"\n')
    (tmp_path / "helm" / "twooter").mkdir(parents=True)
    (tmp_path / "helm" / "twooter" / "Chart.yaml").write_text(
        'apiVersion: v2\nname: twooter\nversion: 0.10.0 # as the package\nappVersion: "0.10.0"\n'
    )
    return tmp_path


def release(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the release script on a repository."""
    command = [sys.executable, str(SCRIPT), "--root", str(root), *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def replace(path: Path, old: str, new: str) -> None:
    """Change a file; what is to be replaced must stand there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_this_repository_says_one_version_everywhere_and_its_changelog_has_the_form() -> None:
    done = release(ROOT, "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("release: everything says ")


def test_notes_are_what_stands_under_the_version_and_nothing_else(house: Path) -> None:
    done = release(house, "notes", "0.10.0")
    assert done.returncode == 0
    assert done.stdout.startswith("One sentence first.\n\n### Changed\n")
    assert "this is an example" in done.stdout
    assert done.stdout.endswith("- Another.\n")
    assert "The first" not in done.stdout


def test_the_last_section_ends_with_the_file(house: Path) -> None:
    assert release(house, "notes", "0.9.0").stdout == "### Added\n\n- The first.\n"


@pytest.mark.parametrize("version", ["0.9.9", "0.1.0", "v0.10.0", "0.10", "Unreleased", "../etc", ""])
def test_a_version_without_a_section_has_no_notes(house: Path, version: str) -> None:
    done = release(house, "notes", version)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("release: ")


def test_the_tag_agrees_with_package_chart_and_changelog(house: Path) -> None:
    assert release(house, "check", "--tag", "v0.10.0").returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("pyproject.toml", "0.10.0", "0.11.0", "pyproject.toml's version is 0.11.0"),
        ("helm/twooter/Chart.yaml", "version: 0.10.0", "version: 0.9.0", "version is 0.9.0"),
        ("helm/twooter/Chart.yaml", '"0.10.0"', '"0.9.0"', "appVersion is 0.9.0"),
        ("helm/twooter/Chart.yaml", "appVersion", "other", "appVersion is missing"),
        ("CHANGELOG.md", "[0.10.0]", "[0.9.5]", "no section [0.10.0]"),
        ("pyproject.toml", "0.10.0", "0.10.0rc1", "MAJOR.MINOR.PATCH"),
    ],
)
def test_a_release_is_refused_when_one_of_them_says_otherwise(
    house: Path, file: str, old: str, new: str, complaint: str
) -> None:
    replace(house / file, old, new)
    done = release(house, "check", "--tag", "v0.10.0")
    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.mark.parametrize("tag", ["v0.9.0", "0.10.0", "v0.10.0-rc.1"])
def test_another_tag_is_refused(house: Path, tag: str) -> None:
    done = release(house, "check", "--tag", tag)
    assert done.returncode == 1
    assert f"the tag is {tag}" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# Changelog", "# History", "first line"),
        ("## [Unreleased]", "## [0.11.0] - 2026-12-03", "first section is not"),
        ("### Added", "### New", "`### New` is none of"),
        ("### Fixed", "### Changed", "stands there twice"),
        ("- Another.", "Another.", "nothing under `### Fixed`"),
        ("[0.10.0] - 2026-12-02", "[0.10.0] - 2026-13-02", "not YYYY-MM-DD"),
        ("[0.10.0] - 2026-12-02", "[0.10.0]", "not YYYY-MM-DD"),
        ("[0.10.0] - 2026-12-02", "[0.10.0] - 2026-11-02", "said to be older"),
        ("[0.10.0]", "0.10.0", "is not `## [MAJOR.MINOR.PATCH]"),
        ("[0.10.0]", "[0.8.0]", "newest first"),
        ("[0.10.0]", "[0.9.0]", "newest first"),
        ("### Added\n\n- The first.\n", "", "nothing was changed?"),
    ],
)
def test_a_changelog_of_another_form_is_refused(house: Path, old: str, new: str, complaint: str) -> None:
    replace(house / "CHANGELOG.md", old, new)
    done = release(house, "check")
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_release_that_should_not_have_been_is_marked(house: Path) -> None:
    replace(house / "CHANGELOG.md", "2026-12-01", "2026-12-01 [YANKED]")
    assert release(house, "check").returncode == 0


def test_versions_are_compared_as_numbers(house: Path) -> None:
    """0.10 is newer than 0.9, whatever the alphabet says."""
    assert release(house, "check").returncode == 0


def test_a_build_of_main_sorts_after_the_last_release_and_before_the_next(house: Path) -> None:
    assert release(house, "version", "--build", "42").stdout == "0.10.1-main.42\n"
    replace(house / "CHANGELOG.md", "## [0.10.0] - 2026-12-02\n", "")
    assert release(house, "version", "--build", "42").stdout == "0.10.0-main.42\n"
    assert release(house, "version").stdout == "0.10.0\n"
