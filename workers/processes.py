"""What processes of Celery's begin with: lines through the one pipeline, and an ear for SIGTERM."""

from __future__ import annotations

import signal
from typing import Any

from celery import signals

from twooter import logs, metrics
from twooter.settings import Settings


def begin_logging(settings: Settings) -> None:
    """Send every line through the pipeline, Celery's too."""
    logs.configure(settings)
    logs.counters.append(metrics.count_log)

    @signals.setup_logging.connect(weak=False)
    def _keep_logging(**_: Any) -> None:  # Any: Celery has no types
        """Keep the pipeline: a receiver of this signal stops Celery from making its own."""


def heed_sigterm() -> None:
    """Leave at SIGTERM until Celery's own handler is there: process 1 ignores what nobody handles."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(*_: object) -> None:
    raise SystemExit(0)
