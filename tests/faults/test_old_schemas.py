"""A web server that is newer than its database's schema: alive, not ready, and ready once somebody has migrated."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.apps import ROOT, App, answers
from tests.faults.clients import Client
from tests.processes import wait_until

pytestmark = pytest.mark.timeout(300)  # processes start, on a busy machine too


def test_a_server_is_not_ready_before_the_schema_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    app = App.embedded(url)
    server = app._server("embedded")
    server.answers = lambda: answers(f"{server.url}/healthz")
    with server:
        server.start()
        client = Client(server.port)
        waiting = client.call("GET", "/readyz")
        assert (waiting.status, waiting.json["status"]) == (503, "unavailable")
        assert "schema" in waiting.json["detail"]
        subprocess.run(
            [sys.executable, "-m", "twooter", "migrate"],
            env={"TWOOTER_DATABASE_URL": url, "PATH": ""},
            cwd=ROOT,
            check=True,
            timeout=60,
        )
        wait_until(lambda: answers(f"{server.url}/readyz"), seconds=60, what="readiness")
        assert client.sign_up("alice").id
