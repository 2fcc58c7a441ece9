"""`export`: all messages as a CSV file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from twooter.cli.databases import opened
from twooter.settings import read_settings


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write all messages as a CSV file.

    Writes every public twoot as message,tag,timestamp, oldest first, to FILE or to standard output; what `import`
    reads. Of several hashtags the first one is written.
    """
    with opened(read_settings()) as services:
        if file is None:
            stream = sys.stdout.buffer
            for chunk in services.exports.chunks():
                stream.write(chunk.encode())
            stream.flush()
            return
        with file.open("wb") as target:
            for chunk in services.exports.chunks():
                target.write(chunk.encode())
