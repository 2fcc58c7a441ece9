"""The command line: one file per noun, each loaded only when its command is called."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click

from twooter import garbage


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives (`module:attribute`), and its line in the help."""

    place: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "run": Entry("running:run", "Run everything in one process on this machine."),
    "serve": Entry("serving:serve", "Run the web server."),
    "relay": Entry("relay:relay", "Seal outbox events into batches and send them to the broker."),
    "exporter": Entry(
        "exporter:exporter", "Measure queues, outbox, jobs and the day's figures for Prometheus."
    ),
    "stream": Entry("stream:stream", "Serve live updates: `/v1/stream`, as Server-Sent Events."),
    "migrate": Entry("migrations:migrate", "Bring the database's schema up to date."),
    "vschema": Entry("vschemas:vschema", "Print the VSchema of a keyspace on a sharded Vitess."),
    "config": Entry("configuration:config", "Show every setting and where it came from."),
    "routes": Entry("routes:routes", "List the HTTP routes."),
    "account": Entry("accounts:account", "Create, confirm, promote and suspend accounts."),
    "demo": Entry("demos:demo", "Fill the database with demo accounts and twoots."),
    "import": Entry("imports:import_", "Import messages from a CSV file."),
    "export": Entry("exports:export", "Write all messages as a CSV file."),
    "probe": Entry("probes:probe", "Post, read and wait for the aggregate, as a client does."),
    "audit": Entry("audits:audit", "Compare every aggregate with its source."),
    "repair": Entry("audits:repair", "Mend every drift that `audit` finds."),
    "parked": Entry("audits:parked", "List or replay events that could not be applied."),
}
"""In the order of the help. A test compares each line with the command's own docstring."""


class Lazy(click.Group):
    """A group that imports a command's module when that command is called: help and small commands stay fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading its module."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.place.split(":")
        garbage.rest()
        command: click.Command = getattr(importlib.import_module(f"twooter.cli.{module}"), attribute)
        garbage.resume()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Twooter: the backend of a Twitter-like application.

    To try it, `run` starts everything on this machine: web server, worker, SQLite in ./var, demo data. In production
    run `migrate` once per release, then any number of `serve`, `relay` and `python -m workers worker`, and one
    `python -m workers beat`.

    Settings are TWOOTER_* environment variables; `config` shows them. COMMAND --help tells more of a command.
    """
