"""`routes`: the HTTP surface as a table."""

from __future__ import annotations

import click

from twooter.api.app import routes as table
from twooter.api.operations import operations_of
from twooter.cli.databases import quiet
from twooter.settings import read_settings
from twooter.wiring import wire


@click.command()
def routes() -> None:
    """List the HTTP routes.

    A line per operation: method, path, who may call it, and what it does; /openapi.json tells the rest.
    """
    settings = read_settings()
    quiet(settings)
    rows = [
        (method, route.path, operation.auth.value, operation.summary)
        for route in table(wire(settings))
        for method, operation in operations_of(route.resource).items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        first = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
        click.echo(f"{first}  {row[3]}")
