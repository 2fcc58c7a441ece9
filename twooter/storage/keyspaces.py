"""Keyspaces: the two groups of tables as a sharded Vitess knows them, and what it needs besides the tables."""

from __future__ import annotations

from typing import Any, Literal

from twooter.storage.database import Storage
from twooter.storage.tables import GLOBAL, TABLES, Twoots

Group = Literal["accounts", "global"]
_LOOKUP = "twoot_shards"
_LOOKUP_DDL = (
    f"CREATE TABLE IF NOT EXISTS `{_LOOKUP}` "
    "(`id` BIGINT NOT NULL PRIMARY KEY, `keyspace_id` VARBINARY(16) NOT NULL)"
)
_MIGRATIONS = "schema_migrations"


def vschema(group: Group, keyspace: str) -> dict[str, Any]:  # Any: JSON, as Vitess wants it
    """Return the VSchema of a group of tables, in a keyspace of that name.

    Every table is named: Twooter connects without a default keyspace, and Vitess finds a table by its name alone.
    """
    if group == "global":
        names = [table._meta.table_name for table in TABLES if table.shard == GLOBAL]
        return {"sharded": False, "tables": {name: {} for name in sorted([*names, _MIGRATIONS])}}
    columns = {table._meta.table_name: table.shard for table in TABLES if table.shard != GLOBAL}
    tables = {name: {"column_vindexes": [_by(column)]} for name, column in sorted(columns.items())}
    # a twoot is asked for by its id alone: where its author's rows are is looked up
    tables["twoots"]["column_vindexes"] += [{"column": name, "name": _LOOKUP} for name in Twoots.looked_up]
    tables[_LOOKUP] = {"column_vindexes": [_by("id")]}
    params = {"table": f"{keyspace}.{_LOOKUP}", "from": "id", "to": "keyspace_id"}
    lookup = {"type": "consistent_lookup_unique", "params": params, "owner": "twoots"}
    return {"sharded": True, "vindexes": {"hash": {"type": "hash"}, _LOOKUP: lookup}, "tables": tables}


def prepare(storage: Storage) -> None:
    """Make the table of the lookup, unless it is there; before anybody publishes."""
    with storage.calm():
        storage.database.execute_sql(_LOOKUP_DDL)


def _by(column: str) -> dict[str, str]:
    return {"column": column, "name": "hash"}
