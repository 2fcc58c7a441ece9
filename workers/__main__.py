"""python -m workers: a worker, or `beat`, with the settings Kubernetes and laptops both need."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if __name__ == "__main__":
    # before prometheus_client loads; always a folder of its own: two processes in one spoil each other's files
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="twooter-worker-metrics-")
    atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

import click

from twooter import garbage
from twooter.broker import ALL_QUEUES


@click.group()
def main() -> None:
    """Run Twooter's background work; needs TWOOTER_BROKER_URL."""


@main.command()
@click.option(
    "--queues", default=",".join(ALL_QUEUES), show_default=True, help="Queues to serve, comma separated."
)
@click.option("--concurrency", default=2, show_default=True, help="Processes.")
def worker(queues: str, concurrency: int) -> None:
    """Run a worker."""
    garbage.rest()
    from workers.app import main as create

    options = ["--queues", queues, "--concurrency", str(concurrency), "--loglevel", "INFO"]
    quietly = ("--quiet", "worker")  # without the banner, which is no JSON
    create().worker_main([*quietly, *options, "--without-gossip", "--without-mingle", "--pool", "prefork"])


@main.command()
def beat() -> None:
    """Run the scheduler of periodic tasks; two at once do no harm, each slot is claimed in the database."""
    garbage.rest()
    from workers.beat import main as schedule

    schedule()


if __name__ == "__main__":
    main()
