"""Rules of statements: each names the shard key of every table it touches, or gives the reason why not."""

from __future__ import annotations

import importlib
import pkgutil
import re

import peewee
import pytest

from twooter import storage
from twooter.storage import statements
from twooter.storage.statements import Statement
from twooter.storage.tables import GLOBAL, TABLES, Accounts, Table

_DATABASE = peewee.SqliteDatabase(None)
_SHARDS = {table._meta.table_name: table.shard for table in TABLES}


def _registered() -> list[Statement]:
    for module in pkgutil.iter_modules(storage.__path__):
        importlib.import_module(f"twooter.storage.{module.name}")
    return [found for found in statements.registry.values() if isinstance(found, Statement)]


def _unnamed(statement: Statement) -> list[str]:
    """Return the sharded tables whose key the statement compares neither by `=` nor by `IN`."""
    sql, _ = _DATABASE.get_sql_context().sql(statement._build()).query()
    compared = set(re.findall(r'"(\w+)" (?:=|IN) ', sql))
    for row in re.findall(r"\(([^()]*)\) IN ", sql):
        compared.update(re.findall(r'"(\w+)"(?:,|$)', row))
    return [name for name in _tables(sql) if _SHARDS[name] not in (GLOBAL, *compared)]


def _tables(sql: str) -> set[str]:
    return {name for name in re.findall(r'(?:FROM|UPDATE|JOIN) "(\w+)"', sql) if name in _SHARDS}


@pytest.mark.parametrize("statement", _registered(), ids=lambda statement: statement.name)
def test_a_statement_names_its_shard_key_or_says_why_not(statement: Statement) -> None:
    assert statement.scatter or not _unnamed(statement)


def test_a_statement_that_forgets_its_shard_key_is_found() -> None:
    forgetful = Statement(
        "forgetful", lambda: Accounts.select().where(Accounts.username == statements.p("x"))
    )
    del statements.registry["forgetful"]
    assert _unnamed(forgetful) == ["accounts"]


def test_each_table_says_where_its_rows_live() -> None:
    for table in TABLES:
        assert issubclass(table, Table)
        columns = set(table._meta.columns)
        assert table.shard == GLOBAL or table.shard in columns, table.__name__
