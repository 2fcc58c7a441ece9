"""Outcomes: how jobs ended whose results are metrics; one row for each, however often it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement
from twooter.storage.tables import Outcomes

AUDIT, PROBE = "audit", "probe"
_MAX_ROWS = 100
_COLUMNS = ("name", "succeeded_ms", "failed_ms", "failures", "duration_ms", "detail")

_succeed = Insert(
    "outcome_success",
    Outcomes,
    _COLUMNS,
    duplicate={"succeeded_ms": "set", "duration_ms": "set", "detail": "set"},
)
_fail = Insert(
    "outcome_failure",
    Outcomes,
    _COLUMNS,
    duplicate={"failed_ms": "set", "failures": "add", "duration_ms": "set", "detail": "set"},
)
_all = Statement(
    "outcomes_all",
    lambda: Outcomes.select(
        Outcomes.name,
        Outcomes.succeeded_ms,
        Outcomes.failed_ms,
        Outcomes.failures,
        Outcomes.duration_ms,
        Outcomes.detail,
    ).limit(_MAX_ROWS),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job last succeeded and failed (Unix ms; None: never), and what its newest run took and told."""

    succeeded_ms: int | None
    failed_ms: int | None
    failures: int
    duration_ms: int
    detail: dict[str, Any]  # Any: JSON; each job has its own words

    @property
    def is_well(self) -> bool:
        """Return whether the newest run succeeded."""
        return self.succeeded_ms is not None and self.succeeded_ms >= (self.failed_ms or 0)


def put(
    tx: Session, name: str, at_ms: int, *, succeeded: bool, duration_ms: int, detail: dict[str, Any]
) -> None:
    """Take note of a run that has just ended."""
    told = orjson.dumps(detail).decode()
    if succeeded:
        tx.insert(_succeed, [(name, at_ms, None, 0, duration_ms, told)])
    else:
        tx.insert(_fail, [(name, None, at_ms, 1, duration_ms, told)])


def fetch(tx: Session) -> dict[str, Outcome]:
    """Return the outcomes by the name of their job."""
    return {row[0]: Outcome(row[1], row[2], row[3], row[4], orjson.loads(row[5])) for row in tx.all(_all)}
