"""No password, token or mail address stands in any line that is logged, not even when a request crashes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.rules.sources import ROOT
from twooter.settings import Settings


def test_no_secret_is_in_any_log_line(settings: Settings, tmp_path: Path) -> None:
    secrets_file = tmp_path / "secrets.json"
    command = [
        sys.executable,
        "-m",
        "tests.services.everything",
        settings.database_dsn,
        str(tmp_path / "var"),
    ]
    done = subprocess.run(
        [*command, str(secrets_file)],
        env=dict(os.environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output = done.stdout + done.stderr
    events = {json.loads(line)["event"] for line in done.stdout.splitlines()}
    assert {"request", "signed_in", "mail_written", "account_deleted", "request_crashed"} <= events
    secrets = json.loads(secrets_file.read_text())
    assert len(secrets) >= 11
    for secret in (*secrets, settings.database_dsn):
        assert secret not in output
        if secret.startswith("twt_"):
            assert secret.split("_", 3)[-1] not in output
