"""The workflows as tests read them: jobs, steps, what each step runs or uses."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.rules.sources import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(path.name for path in FOLDER.glob("*.yml"))


@dataclass(frozen=True)
class Job:
    """One job of a workflow."""

    file: str
    name: str
    content: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Return the steps; none for a job that is another workflow."""
        return list(self.content.get("steps", ()))

    @property
    def place(self) -> str:
        """Return what a failing test calls this job."""
        return f"{self.file}:{self.name}"


def workflow(file: str) -> dict[str, Any]:
    """Parse a workflow; `on` is a word here, not the truth that YAML 1.1 makes of it."""
    content: dict[Any, Any] = yaml.safe_load((FOLDER / file).read_text())
    return {("on" if key is True else str(key)): value for key, value in content.items()}


def jobs() -> Iterator[Job]:
    """Yield the jobs of all workflows."""
    for file in FILES:
        for name, content in workflow(file)["jobs"].items():
            yield Job(file, name, content)


def commands() -> Iterator[tuple[str, str]]:
    """Yield the place and each line of all scripts in the steps."""
    for job in jobs():
        for step in job.steps:
            for line in str(step.get("run", "")).splitlines():
                yield job.place, line.strip()


def text_lines() -> Iterator[tuple[Path, int, str]]:
    """Yield the lines of all workflows as they are written, comments too."""
    for file in FILES:
        for number, line in enumerate((FOLDER / file).read_text().splitlines(), 1):
            yield Path(file), number, line
