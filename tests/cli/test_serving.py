"""`run`: one command, from an empty folder to an API with something to read."""

import json
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import environment_of
from tests.processes import free_port, wait_until
from tests.rules.sources import ROOT
from twooter.settings import Settings


def ask(url: str, body: bytes | None = None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=sent)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def is_ready(url: str) -> bool:
    try:
        return bool(ask(f"{url}/readyz")["status"] == "ok")
    except OSError:
        return False


def as_typed(curl: str) -> Any:
    """Send what the printed `curl` line sends."""
    words = shlex.split(curl.replace("\\\n", " "))
    assert words[:2] == ["curl", "-s"]
    header, _, value = words[words.index("-H") + 1].partition(": ")
    return ask(words[2], words[words.index("-d") + 1].encode(), **{header: value})


class Running:
    """`python -m twooter run` on a port of its own, its output in a file."""

    def __init__(self, folder: Path) -> None:
        self.port, self.log = free_port(), folder / "run.log"
        self.url = f"http://127.0.0.1:{self.port}"
        settings = Settings.model_validate({"var_dir": folder / "var"})
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "twooter", "run"],
                env=environment_of(settings, TWOOTER_PORT=str(self.port)),
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_ready, seconds=60, what="readiness")
        except BaseException:
            self.process.kill()
            self.process.wait(30)
            raise

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return is_ready(self.url)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def test_one_command_migrates_fills_serves_and_stops_cleanly(tmp_path: Path) -> None:
    first = Running(tmp_path)
    try:
        printed = first.log.read_text()
        assert first.url in printed
        token = as_typed(printed[printed.index("curl") : printed.index("Stop with Ctrl-C")].strip())["token"]
        assert ask(f"{first.url}/v1/me", Authorization=f"Bearer {token}")["username"] == "demo"
        assert len(ask(f"{first.url}/v1/timelines/public?limit=100")["items"]) == 100

        def uses() -> int:
            try:
                return int(ask(f"{first.url}/v1/hashtags/moon")["uses"])
            except urllib.error.HTTPError:
                return 0

        wait_until(lambda: uses() > 5, seconds=30, what="the demo's aggregates")
    finally:
        assert first.stop() == 0
    second = Running(tmp_path)
    try:
        printed = second.log.read_text()
        assert "demo twoots" not in printed
        message = as_typed(printed[printed.index("curl") : printed.index("Stop with Ctrl-C")].strip())
        assert message.startswith("Posted new message: ")
    finally:
        assert second.stop() == 0
    assert "Traceback" not in first.log.read_text() + second.log.read_text()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_serve_refuses_bad_settings_before_gunicorn_starts(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twooter", "serve"],
        env=environment_of(settings, TWOOTER_THREADS="0"),
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"TWOOTER_THREADS" in done.stderr) == (1, True)
