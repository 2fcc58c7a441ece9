"""The report of a run: steps, their figures, and what was left out; as text for people and as a part of a document."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One step: what was shown, whether it held, how long it took and what was measured."""

    step: str
    shows: str
    outcome: str
    seconds: float
    figures: Figures


@dataclass
class Report:
    """Lines as they come."""

    versions: Figures = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Tell whether a step did not hold."""
        return any(line.outcome.startswith("FAILED") for line in self.lines)

    def leave_out(self, step: str, shows: str) -> None:
        """Say that a step was not tried."""
        self._add(Line(step, shows, "left out", 0.0, {}))

    def take(self, step: str, shows: str, work: Callable[[], Figures]) -> bool:
        """Run a step, write its line, and return whether it held."""
        began = time.monotonic()
        try:
            figures, outcome = work(), "passed"
        except Exception as ex:  # noqa: BLE001 - one step that fails must not hide how the others do
            figures, outcome = {}, f"FAILED: {type(ex).__name__}: {ex}"
        self._add(Line(step, shows, outcome, time.monotonic() - began, figures))
        return outcome == "passed"

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        print(f"{line.outcome:<8} {line.seconds:6.1f} s  {line.step}: {_shown(line.figures)}", flush=True)

    def markdown(self) -> str:
        """Return the report as it stands in a document."""
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        head = [f"Run of {when}. {_shown(self.versions)}.", ""]
        table = ["| step | shows | outcome | s | figures |", "|---|---|---|---|---|"]
        for line in self.lines:
            outcome = line.outcome.replace("|", "\\|").replace("\n", " ")[:300]
            table.append(
                f"| {line.step} | {line.shows} | {outcome} | {line.seconds:.0f} | {_shown(line.figures)} |"
            )
        return "\n".join([*head, *table])


def _shown(figures: Figures) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())
