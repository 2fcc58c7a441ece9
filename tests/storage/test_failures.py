"""Failures: what a number of the database's means for whoever asked."""

import sqlite3

import peewee
import pytest

from twooter.storage.failures import Failure, classify


def of_mysql(number: int, kind: type[peewee.PeeweeException] = peewee.OperationalError) -> Failure:
    return classify(kind(number, "words that a proxy changes"))


@pytest.mark.parametrize("number", [1205, 1213, 1020, 1317])
def test_the_whole_transaction_runs_again(number: int) -> None:
    assert of_mysql(number) is Failure.AGAIN


@pytest.mark.parametrize("number", [0, 1053, 1927, 2006, 2013, 2014, 2055, 4031])
def test_the_connection_is_gone(number: int) -> None:
    assert of_mysql(number) is Failure.LOST


@pytest.mark.parametrize(
    "number", [1040, 1045, 1049, 1203, 1290, 1836, 2002, 2003, 2005, 2026, 1114, 1021, 3024, 1969, 1105]
)
def test_the_database_cannot_be_reached_or_does_not_take_anything(number: int) -> None:
    assert of_mysql(number) is Failure.UNREACHABLE


@pytest.mark.parametrize("number", [1062, 1064, 1146, 1048, 1406, 1366, 1054, 3572])
def test_anything_else_is_the_statements_own_fault(number: int) -> None:
    assert of_mysql(number, peewee.IntegrityError) is Failure.OTHER
    assert of_mysql(number) is Failure.OTHER


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (sqlite3.SQLITE_BUSY, Failure.AGAIN),
        (sqlite3.SQLITE_LOCKED, Failure.AGAIN),
        (sqlite3.SQLITE_BUSY | 2 << 8, Failure.AGAIN),  # SQLITE_BUSY_SNAPSHOT
        (sqlite3.SQLITE_FULL, Failure.UNREACHABLE),
        (sqlite3.SQLITE_IOERR | 3 << 8, Failure.UNREACHABLE),
        (sqlite3.SQLITE_CANTOPEN, Failure.UNREACHABLE),
        (sqlite3.SQLITE_READONLY, Failure.UNREACHABLE),
        (sqlite3.SQLITE_CONSTRAINT, Failure.OTHER),
        (sqlite3.SQLITE_ERROR, Failure.OTHER),
    ],
)
def test_sqlite_has_numbers_of_its_own(code: int, failure: Failure) -> None:
    cause = sqlite3.OperationalError("words")
    cause.sqlite_errorcode = code
    ex = peewee.OperationalError("words")
    vars(ex)["orig"] = cause  # as Peewee passes it on
    assert classify(ex) is failure


def test_what_has_no_number_is_a_broken_connection_or_a_broken_statement() -> None:
    assert classify(peewee.InterfaceError("(0, '')")) is Failure.LOST
    assert classify(peewee.InternalError("Packet sequence number wrong")) is Failure.LOST
    assert classify(peewee.ProgrammingError("no such column")) is Failure.OTHER
