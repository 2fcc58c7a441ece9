"""`vschema`: where Vitess finds each table's rows."""

from __future__ import annotations

import json

import click

from twooter.storage import keyspaces
from twooter.storage.keyspaces import Group


@click.command()
@click.argument("group", type=click.Choice(["accounts", "global"]))
@click.option("--keyspace", help="Name of the keyspace; `twooter_GROUP` unless given.")
def vschema(group: Group, keyspace: str | None) -> None:
    """Print the VSchema of a keyspace on a sharded Vitess.

    As JSON for `vtctldclient ApplyVSchema`. GROUP is `accounts` for the tables that are sharded by account, `global`
    for those that are not.
    """
    click.echo(json.dumps(keyspaces.vschema(group, keyspace or f"twooter_{group}"), indent=2))
