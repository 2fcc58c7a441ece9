"""What a database error means: try again, reconnect, a duplicate, or not reachable."""

from __future__ import annotations

import enum

import peewee

_AGAIN = {1205, 1213, 1020, 1317}
"""Lock wait timeout, deadlock, record changed, interrupted (Vitess: a second shard): the whole transaction again."""
_LOST = {0, 2006, 2013, 2014, 2027, 2055, 4031, 1053, 1927}
"""The connection is gone: server stopped, killed or timed out."""
_UNREACHABLE = {
    1040,
    1041,
    1044,
    1045,
    1203,
    1226,
    2002,
    2003,
    2005,
    1290,
    1836,
    1158,
    1159,
    1160,
    1161,
    1021,
    1114,
    3024,
    1969,
}
"""Refused, too many connections, read-only, network trouble, disk full, statement timeout."""


class Failure(enum.Enum):
    """How to go on after a database error."""

    AGAIN = "again"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    OTHER = "other"


def classify(ex: peewee.PeeweeException) -> Failure:
    """Return what `ex` means; decided by error numbers, whose texts proxies change."""
    code = ex.args[0] if ex.args else None
    if isinstance(code, int):
        if code in _AGAIN:
            return Failure.AGAIN
        if code in _LOST:
            return Failure.LOST
        return Failure.UNREACHABLE if code in _UNREACHABLE else Failure.OTHER
    if isinstance(ex, peewee.InterfaceError):
        return Failure.LOST
    if isinstance(ex, peewee.OperationalError):  # SQLite has only words
        text = str(code)
        if "locked" in text or "busy" in text:
            return Failure.AGAIN
        if "full" in text or "disk I/O" in text or "unable to open" in text or "readonly" in text:
            return Failure.UNREACHABLE
    return Failure.OTHER
