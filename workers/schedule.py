"""The schedule of periodic tasks: each entry with why and how often."""

from __future__ import annotations

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {}  # Any: Celery's entries
