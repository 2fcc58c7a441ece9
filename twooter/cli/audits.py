"""`audit`, `repair` and `parked`: whether everything derived is right, making it right, and events set aside."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import orjson

from twooter.cli.databases import opened
from twooter.domain.drifts import Kind, Report
from twooter.services.audits import Progress
from twooter.services.outboxes import CONSUMERS
from twooter.settings import read_settings

_SHOWN_ERROR = 80


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def audit(as_json: bool) -> None:  # noqa: FBT001 - click passes its flags by name
    """Compare every aggregate with its source.

    Ends with 1 when one differs from what twoots and accounts say. Reads in bounded steps, while people write; events
    that are still on their way are counted as if they had arrived.
    """
    with opened(read_settings()) as services, _shown() as progress:
        report = services.audits.audit(progress=progress)
    _print(report, as_json=as_json, nothing="No drift.")
    if report.rows:
        sys.exit(1)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be mended.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def repair(dry_run: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes its flags by name
    """Mend every drift that `audit` finds.

    Changes are relative, in small transactions, and safe while people write.
    """
    with opened(read_settings()) as services, _shown() as progress:
        run = services.audits.audit if dry_run else services.repairs.repair
        report = run(progress=progress)
    _print(report, as_json=as_json, nothing="Nothing to mend.")


@click.group()
def parked() -> None:
    """List or replay events that could not be applied."""


_consumer = click.option(
    "--consumer", type=click.Choice(list(CONSUMERS)), help="Only this consumer's; without it, those of all."
)


@parked.command("list")
@_consumer
def list_(consumer: str | None) -> None:
    """List parked events, oldest first; at most 500 of each consumer."""
    rows = [("CONSUMER", "BATCH", "EVENT", "PARKED", "ERROR")]
    with opened(read_settings()) as services:
        for name in _chosen(consumer):
            rows += [
                (
                    name,
                    str(e.place[0]),
                    str(e.place[1]),
                    _time(e.parked_ms),
                    e.error.splitlines()[0][:_SHOWN_ERROR],
                )
                for e in services.parked.fetch(name)
            ]
    click.echo(_table(rows) if len(rows) > 1 else "Nothing is parked.")


@parked.command()
@_consumer
def replay(consumer: str | None) -> None:
    """Bring parked events to their consumer again, each once."""
    with opened(read_settings()) as services:
        count = services.parked.replay(_chosen(consumer))
    if not count:
        click.echo("Nothing is parked.")
    else:
        click.echo(
            "1 event is on its way again." if count == 1 else f"{count} events are on their way again."
        )


def _chosen(consumer: str | None) -> Sequence[str]:
    return list(CONSUMERS) if consumer is None else [consumer]


@contextmanager
def _shown() -> Iterator[Progress | None]:
    """Yield what shows how far it is on a terminal, or None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    yield lambda stage, at_ms: click.echo(f"\r{stage:<10}{_time(at_ms)[:10]}", nl=False, err=True)
    click.echo("\r" + " " * 30 + "\r", nl=False, err=True)


def _print(report: Report, *, as_json: bool, nothing: str) -> None:
    if as_json:
        click.echo(orjson.dumps(_shape(report)).decode())
    elif not report.rows:
        click.echo(nothing)
    else:
        rows = [("WHAT", "ROWS", "BY", "EXAMPLE")]
        rows += [
            (kind.value, str(report.rows[kind]), str(report.amounts[kind]), _example(report, kind))
            for kind in Kind
            if report.rows[kind]
        ]
        click.echo(_table(rows))


def _example(report: Report, kind: Kind) -> str:
    key, by = next(iter(report.examples[kind].items()))
    return f"{by:+} at {', '.join(map(str, key))}"


def _shape(report: Report) -> dict[str, object]:
    drifts = [
        {
            "kind": kind.value,
            "rows": report.rows[kind],
            "amount": report.amounts[kind],
            "examples": [{"key": list(map(str, key)), "by": by} for key, by in report.examples[kind].items()],
        }
        for kind in Kind
        if report.rows[kind]
    ]
    return {"complete": report.complete, "steps": report.steps, "drifts": drifts}


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
