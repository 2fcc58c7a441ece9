"""Fixtures of the command line's tests: `python -m twooter` as a person calls it."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.rules.sources import ROOT
from twooter.settings import Settings

Done = subprocess.CompletedProcess[bytes]
Call = Callable[..., Done]


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """Return this process's environment, with the settings' database and folder."""
    return os.environ | {
        "TWOOTER_DATABASE_URL": settings.database_dsn,
        "TWOOTER_VAR_DIR": str(settings.var_dir),
        **more,
    }


@pytest.fixture
def twooter(settings: Settings) -> Call:
    """Return what runs a command on this test's database and returns its exit code and output."""

    def call(*arguments: str, **environment: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "twooter", *arguments],
            env=environment_of(settings, **environment),
            cwd=ROOT,
            capture_output=True,
            timeout=90,
            check=False,
        )

    return call
