"""The Twooter backend: an HTTP API, its services and its storage."""

VERSION = "0.1.0"
"""As in pyproject.toml and the chart: a test compares."""
