"""The Twooter backend: an HTTP API, its services and its storage."""

import sys

VERSION = "0.1.0"
"""As in pyproject.toml and the chart: a test compares."""
UNASKED = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")
"""What redis-py loads wherever it is installed, though nobody asked it to measure anything: 0.1 s of every start."""

for _name in UNASKED:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # Python's way to say that it is not to be found
