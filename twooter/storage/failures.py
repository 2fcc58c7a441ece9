"""What a database error means: try again, reconnect, a duplicate, or not reachable."""

from __future__ import annotations

import enum
import sqlite3

import peewee

_AGAIN = {1205, 1213, 1020, 1317}
"""Lock wait timeout, deadlock, record changed, interrupted (Vitess: a second shard): the whole transaction again."""
_LOST = {0, 1053, 1152, 1184, 1927, 2006, 2013, 2014, 2027, 2055, 3169, 4031}
"""The connection is gone: server stopped, killed or timed out."""
_UNREACHABLE = {
    *(1040, 1041, 1135, 1203, 1226, 1637),  # too many connections or transactions, no memory for another
    *(
        1042,
        1043,
        1044,
        1045,
        1047,
        1049,
        1129,
        1130,
        2002,
        2003,
        2005,
        2012,
        2026,
    ),  # not let in: host, user, database, network, TLS
    *(1158, 1159, 1160, 1161),  # packets that do not come
    *(1290, 1792, 1836),  # read-only: a replica, or a switch-over
    *(3, 1021, 1026, 1030, 1114, 1180),  # a full or broken disk
    *(1969, 3024),  # a statement took too long
    1105,  # Vitess: no tablet serves the shard just now
}
"""Refused, too many connections, read-only, network trouble, disk full, statement timeout."""
_NOT_LET_IN = {1044, 1045, 1129, 1130, 1698}
_NO_DATABASE = 1049
_NULL_REFUSED = 1048
_SQLITE_AGAIN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_UNREACHABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
"""Disk full or broken, file away or read-only, no memory, or a lock nobody gave up in many tries."""


class Failure(enum.Enum):
    """How to go on after a database error."""

    AGAIN = "again"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    OTHER = "other"


def classify(ex: peewee.PeeweeException) -> Failure:
    """Return what `ex` means; decided by error numbers, whose texts proxies change."""
    cause: object = ex
    while isinstance(cause, peewee.PeeweeException):  # twice, when the connection was opened on the way
        cause = getattr(cause, "orig", None)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _of_sqlite(sqlite_code & 0xFF)  # the rest of the number says which kind of it
    code = ex.args[0] if ex.args else None
    if isinstance(code, int):
        if code in _AGAIN:
            return Failure.AGAIN
        if code in _LOST:
            return Failure.LOST
        return Failure.UNREACHABLE if code in _UNREACHABLE else Failure.OTHER
    # the driver's own words, without a number: answers out of step, or a connection that is closed
    return Failure.LOST if isinstance(ex, peewee.InterfaceError | peewee.InternalError) else Failure.OTHER


def is_null_refused(ex: peewee.IntegrityError) -> bool:
    """Return whether a column that must have a value was given none."""
    code = getattr(getattr(ex, "orig", None), "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_CONSTRAINT_NOTNULL or bool(ex.args and ex.args[0] == _NULL_REFUSED)


def explain(ex: BaseException | None) -> str:
    """Return, as the end of a sentence about the database, what somebody who sets it up can do about a failure."""
    code = ex.args[0] if ex is not None and ex.args else None
    if code in _NOT_LET_IN:
        return "lets nobody in with this user, password and address: see TWOOTER_DATABASE_URL and the user's grants"
    if code == _NO_DATABASE:
        return "has no database of this name: create it, or correct TWOOTER_DATABASE_URL"
    if "SSL" in str(ex):
        return "could not be verified by TLS: see TWOOTER_DATABASE_TLS and TWOOTER_DATABASE_TLS_CA"
    return "does not answer: is it up, is TWOOTER_DATABASE_URL right, and does the network let this process reach it?"


def _of_sqlite(code: int) -> Failure:
    if code in _SQLITE_AGAIN:
        return Failure.AGAIN
    return Failure.UNREACHABLE if code in _SQLITE_UNREACHABLE else Failure.OTHER
