"""Times as clients see them: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(time_ms: int) -> str:
    """Return `2026-01-31T12:00:00.000Z` for Unix milliseconds."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{ms:03d}Z"


def parse_ms(text: str, *, needs_zone: bool = False) -> int:
    """Return the Unix milliseconds of an RFC 3339 time; what has no zone is UTC, and a date alone its midnight.

    Raises: ValueError for what is no time, and with `needs_zone` for what has none.
    """
    if not text.isascii():
        raise ValueError("must be an RFC 3339 time")
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        if needs_zone:
            raise ValueError("must have a zone")
        when = when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(milliseconds=1)
