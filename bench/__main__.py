"""python -m bench: every figure of the README, measured on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from bench import (
    footprint,
    growth,
    homes,
    loader,
    message_stats,
    open_loop,
    publishing,
    report,
    servers,
    streams,
    timelines,
)
from bench.report import Line
from bench.servers import Backend
from bench.stage import Plan, Stage

LATEST = Path(__file__).parent / "results" / "latest.json"
QUIET = 0.1
"""Share of the machine that others may take."""
CASES: dict[str, Callable[[Stage], list[Line]]] = {
    "timelines": timelines.run,
    "publish": publishing.run,
    "aggregation": publishing.applying,
    "visibility": publishing.visibility,
    "message-stats": message_stats.run,
    "footprint": footprint.run,
    "growth": growth.run,
    "homes": homes.run,
    "open-loop": open_loop.run,
    "streams": streams.run,
}


@click.command()
@click.option("--rows", default=100_000, show_default=True, help="Twoots of the main data set.")
@click.option(
    "--many-rows", default=1_000_000, show_default=True, help="Twoots of the large one, for growth."
)
@click.option(
    "--quick", is_flag=True, help="One short round of each, smaller data: for trying the benchmark itself."
)
@click.option(
    "--only", multiple=True, type=click.Choice(list(CASES)), help="Measure this alone; may be repeated."
)
@click.option(
    "--json", "path", default=LATEST, type=click.Path(path_type=Path), help="Where to write the figures."
)
def main(rows: int, many_rows: int, path: Path, only: tuple[str, ...], *, quick: bool) -> None:
    """Measure everything on private servers, print a table, write JSON."""
    servers.without_settings()
    if quick:
        plan = Plan(
            min(rows, 10_000), min(many_rows, 50_000), rounds=1, growth_rounds=1, seconds=2, probes=20
        )
    else:
        plan = Plan(rows, many_rows, rounds=3, growth_rounds=5, seconds=4, probes=200)
    lines: list[Line] = []
    with servers.backend() as backend, _stage(backend, plan) as stage:
        for name in only or CASES:
            started = time.monotonic()
            measured = CASES[name](stage)
            print(f"{report.table(measured)}\n({name}: {time.monotonic() - started:.0f} s)\n", flush=True)
            lines += measured
            report.write(path, lines, asdict(plan))
    print(f"{report.table(lines)}\n\nwritten to {path}")
    others = max((line.detail.get("others", 0.0) for line in lines), default=0.0)
    if others > QUIET:
        print(f"Other processes took up to {others:.0%} of this machine: measure again when it is quiet.")


@contextmanager
def _stage(backend: Backend, plan: Plan) -> Iterator[Stage]:
    started = time.monotonic()
    url = backend.database("bench")
    loaded = loader.load(url, plan.rows)
    print(f"{plan.rows:,} twoots loaded in {time.monotonic() - started:.1f} s\n", flush=True)
    with servers.hello() as hello:
        yield Stage(backend, hello, plan, url, loaded, backend.settings(url, slot=0))


if __name__ == "__main__":
    main()
