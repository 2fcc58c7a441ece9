"""The scan fails on what is vulnerable or was not looked up, and says so where nothing could be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rules.sources import ROOT

FINE = {"name": "falcon", "version": "4.4.0", "vulns": []}
BAD = {"name": "celery", "version": "1.0", "vulns": [{"id": "CVE-2021-1", "fix_versions": ["5.2.2"]}]}
UNKNOWN = {"name": "orjson", "skip_reason": "not found on the index"}


def scan(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run the scan with a pip-audit that does this."""
    (folder / "pip_audit.py").write_text(code)
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "scan.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )


def answer(*packages: dict[str, Any]) -> str:
    """Return a pip-audit that tells of these packages."""
    return f"print({json.dumps({'dependencies': packages})!r})"


def test_packages_without_vulnerabilities_pass(tmp_path: Path) -> None:
    done = scan(tmp_path, answer(FINE))
    assert done.returncode == 0, done.stderr
    assert "1 packages looked up, 0 with known vulnerabilities" in done.stdout


def test_a_vulnerable_package_fails_and_says_what_mends_it(tmp_path: Path) -> None:
    done = scan(tmp_path, answer(FINE, BAD))
    assert done.returncode == 1
    assert "celery 1.0: CVE-2021-1, mended in ['5.2.2']" in done.stdout


def test_one_package_that_could_not_be_looked_up_fails(tmp_path: Path) -> None:
    done = scan(tmp_path, answer(FINE, UNKNOWN))
    assert done.returncode == 1
    assert "orjson could not be looked up" in done.stdout


@pytest.mark.parametrize(
    "code", [answer(UNKNOWN), "raise SystemExit('ConnectionError: no route')"], ids=["no data", "no index"]
)
def test_where_nothing_can_be_looked_up_the_scan_says_that_nothing_was_checked(
    tmp_path: Path, code: str
) -> None:
    done = scan(tmp_path, code)
    assert done.returncode == 0
    assert "NOTHING WAS CHECKED" in done.stderr


def test_a_scan_that_breaks_is_no_pass(tmp_path: Path) -> None:
    done = scan(tmp_path, "raise SystemExit('a requirement is not pinned')")
    assert done.returncode == 1
    assert "a requirement is not pinned" in done.stderr


def test_every_requirement_file_is_looked_up(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    scan(
        tmp_path, f"import sys; open({str(log)!r}, 'a').write(sys.argv[-1] + '\\n'); {answer(FINE)}"
    ).check_returncode()
    assert log.read_text().split() == sorted(path.name for path in ROOT.glob("requirements*.txt"))
