"""Programs that stand in for helm, docker and cosign: they write down what they were asked to do."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.rules.sources import ROOT

_PROGRAM = """#!/usr/bin/env bash
printf '%s\\n' "$(basename "$0") $*" >>"{log}"
{body}
"""


@dataclass
class Programs:
    """A folder in front of the PATH, and what its programs were asked."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Return the file of all calls."""
        return self.folder / "calls"

    def add(self, name: str, body: str) -> Path:
        """Make a program of these lines of bash and return its path."""
        path = self.folder / name
        path.write_text(_PROGRAM.format(log=self.log, body=body))
        path.chmod(0o755)
        return path

    def answer(self, name: str, content: object) -> Path:
        """Keep JSON for a program to print, and return its path."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def calls(self, *beginnings: str) -> list[str]:
        """Return the calls that begin so, in order; all of them without a beginning."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(beginnings or "")]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the repository with these programs in front."""
        path = f"{self.folder}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(self.folder), **self.environment}
        command = [str(ROOT / script)]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, env=environment
        )
