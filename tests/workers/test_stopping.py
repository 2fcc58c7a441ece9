"""A worker that is told to stop before it has begun leaves at once; what runs when it is told is in the fault tests."""

import os
import subprocess
import sys

from tests.processes import free_port
from tests.rules.sources import ROOT

WITHOUT_DATABASE = {
    "TWOOTER_DATABASE_URL": f"mysql://nobody@127.0.0.1:{free_port()}/none",
    "TWOOTER_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
}


def test_a_worker_that_waits_for_its_database_can_be_stopped() -> None:
    command = [sys.executable, "-m", "workers", "worker", "--concurrency", "1"]
    with subprocess.Popen(
        command,
        env={**os.environ, **WITHOUT_DATABASE},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert any("schema_unknown" in line for line in worker.stdout)
        worker.terminate()
        assert worker.wait(60) == 0
