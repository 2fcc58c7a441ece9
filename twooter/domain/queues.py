"""Queues: how long each is, as far as its broker tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How long a queue is; None for what its broker does not tell."""

    queue: str
    waiting: int
    in_flight: int | None = None
    consumers: int | None = None
