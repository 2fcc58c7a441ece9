"""compose/secrets.sh: what it makes is random, private, and never made twice."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compose.documents import ROOT, secrets


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the script and the example alone."""
    (tmp_path / "compose").mkdir()
    shutil.copy(ROOT / "compose/secrets.sh", tmp_path / "compose")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def made(checkout: Path) -> dict[str, str]:
    """Run the script and return what stands in .env."""
    subprocess.run([checkout / "compose/secrets.sh"], check=True, capture_output=True, timeout=30)
    lines = (checkout / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_each_secret_is_long_and_its_own(checkout: Path) -> None:
    values = made(checkout)
    assert values.keys() == secrets().keys()
    assert all(len(value) >= 32 and value.isalnum() for value in values.values())
    assert len(set(values.values())) == len(values)
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays(checkout: Path) -> None:
    """The database knows the first password alone."""
    assert made(checkout) == made(checkout)
