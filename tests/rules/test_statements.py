"""Rules of statements: each names the shard key of every table it touches, or gives the reason why not."""

from __future__ import annotations

import importlib
import pkgutil
import re

import peewee
import pytest

from twooter import storage
from twooter.storage import statements
from twooter.storage.keyspaces import vschema
from twooter.storage.statements import Insert, Statement
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


def _sql(statement: Statement) -> str:
    return str(_DATABASE.get_sql_context().sql(statement._build()).query()[0])


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


def _inserts() -> list[Insert]:
    _registered()
    return [found for found in statements.registry.values() if isinstance(found, Insert)]


@pytest.mark.parametrize("insert", _inserts(), ids=lambda insert: insert.name)
def test_an_upsert_leaves_alone_what_says_where_a_row_lives(insert: Insert) -> None:
    """Vitess refuses one that sets such a column, even to itself."""
    if issubclass(insert.table, Table) and insert.table.shard != GLOBAL:
        _, _, tail = insert._compile(mysql=True, mark="%s")
        assert not {insert.table.shard, *insert.table.looked_up}.intersection(re.findall(r"`(\w+)` = ", tail))


def test_what_an_update_sets_does_not_say_where_a_row_lives() -> None:
    for statement in _registered():
        sql, _ = _DATABASE.get_sql_context().sql(statement._build()).query()
        if found := re.match(r'UPDATE "(\w+)" SET (.*?) WHERE', sql):
            placing = {_SHARDS[found[1]]}
            assert not placing.intersection(re.findall(r'"(\w+)" = ', found[2])), statement.name


def test_arrays_are_gathered_on_one_shard() -> None:
    """Vitess gathers none across shards; what does so all the same has another way there."""
    gathering = [s for s in _registered() if "JSON_GROUP_ARRAY" in _sql(s)]
    scattered = [s.name for s in gathering if re.search(r'"account_id" IN ', _sql(s))]
    assert gathering
    assert scattered == ["fanout_followers_of_many"]


def test_a_sharded_vitess_finds_each_table_in_one_of_two_keyspaces() -> None:
    accounts, everybody = vschema("accounts", "a")["tables"], vschema("global", "g")["tables"]
    assert not accounts.keys() & everybody.keys()
    assert accounts.keys() | everybody.keys() == {*_SHARDS, "schema_migrations", "twoot_shards"}
    for table in TABLES:
        if table.shard != GLOBAL:
            first, *others = accounts[table._meta.table_name]["column_vindexes"]
            assert first == {"column": table.shard, "name": "hash"}
            assert [other["column"] for other in others] == list(table.looked_up)


def test_each_table_says_where_its_rows_live() -> None:
    for table in TABLES:
        assert issubclass(table, Table)
        columns = set(table._meta.columns)
        assert table.shard == GLOBAL or table.shard in columns, table.__name__
