"""`import`: messages from a CSV file."""

from __future__ import annotations

from pathlib import Path

import click

from twooter.cli.databases import opened
from twooter.settings import read_settings


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Import messages from a CSV file.

    FILE holds rows of message,tag,timestamp in UTF-8, with or without that line above them; fields may be quoted and
    then hold line ends. Timestamps are ISO 8601, in UTC where they name no zone, from 2000 on and not in the future.
    An empty tag means that the text's own hashtags count.

    Rows go in by 1,000, all or none; a bad one is named by its line, and nothing of its thousand is written. Run the
    command again to go on: where it was stopped, or with the line mended. A file that is in already is not imported
    twice. The messages belong to the account `imported`; statistics follow as relay and worker run.
    """
    with opened(read_settings()) as services, file.open("rb") as stream:
        size = file.stat().st_size
        with click.progressbar(length=size, label=file.name, show_pos=False) as bar:
            done = services.imports.load(stream, bar.update)
    if done.is_repeated:
        click.echo(f"{file.name} is in already; nothing was imported.")
        return
    resumed = f", going on after line {done.after_line}" if done.after_line else ""
    click.echo(f"Imported {done.rows:,} messages{resumed}.")
