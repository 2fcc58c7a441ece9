"""Lines of figures: measured, target, met or not; as a table and as JSON."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Line:
    """One figure; `at_most` tells on which side of the target it should be, `detail` what it is made of."""

    case: str
    figure: str
    measured: float
    unit: str
    target: float | None = None
    at_most: bool = True
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Return whether the target is met, or None where there is none."""
        if self.target is None:
            return None
        return self.measured <= self.target if self.at_most else self.measured >= self.target

    def columns(self) -> tuple[str, ...]:
        """Return the line as it stands in the table."""
        target = "" if self.target is None else f"{'≤' if self.at_most else '≥'} {_number(self.target)}"
        return (
            self.case,
            self.figure,
            f"{_number(self.measured)} {self.unit}".strip(),
            target,
            _VERDICTS[self.met],
        )


_VERDICTS = {True: "met", False: "NOT MET", None: ""}
_HEADINGS = ("case", "figure", "measured", "target", "")


def table(lines: Sequence[Line]) -> str:
    """Return the lines below each other, in columns."""
    rows = [_HEADINGS, *(line.columns() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write(path: Path, lines: Sequence[Line], plan: Mapping[str, Any]) -> None:
    """Write the lines with what they were measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu(),
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "python": platform.python_version(),
            "mariadb": _version("mariadbd"),
            "redis": _version("redis-server"),
        },
        "plan": dict(plan),
        "lines": [asdict(line) | {"met": line.met} for line in lines],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(program: str) -> str:
    try:
        return subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
