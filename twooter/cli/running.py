"""`run`: web server, relay, beat, worker and exporter in one process."""

from __future__ import annotations

import os
import sys

import click

from twooter.cli.databases import opened
from twooter.services.demos import USERNAME, Demo
from twooter.settings import Settings, in_kubernetes, read_settings

_DEMO = "Wrote {0.twoots} demo twoots of {0.accounts} accounts. Sign in as {0.username} with the password {0.password}"
_SIGN_IN = """\
  curl -s {url}/v1/tokens -H 'Content-Type: application/json' \\
    -d '{{"username": "{demo.username}", "password": "{demo.password}"}}'
"""
_MESSAGE = """\
  curl -s {url}/messages -H 'Content-Type: application/json' -d '{{"text": "Hello", "tag": "first"}}'
"""


@click.command()
def run() -> None:
    """Run everything in one process on this machine.

    Migrates the database (SQLite in ./var unless TWOOTER_DATABASE_URL names another), writes demo data at the first
    start, then serves the API with relay, beat and worker beside it. Ctrl-C stops it. Refused in production and in
    Kubernetes: use migrate, serve, relay and `python -m workers` there.
    """
    settings = read_settings()
    if settings.env == "production" or in_kubernetes():
        raise click.ClickException(
            "`run` is for one machine, and is refused in production and in Kubernetes. Start each part alone: "
            "python -m twooter migrate, serve, relay; python -m workers worker, beat."
        )
    with opened(settings) as services:
        demo = services.demos.make() if services.demos.is_due() else None
    _greet(settings, demo)
    _become_gunicorn()


def _greet(settings: Settings, demo: Demo | None) -> None:
    url = settings.public_url
    click.echo(f"Twooter: {url}  (documentation: {url}/docs, metrics: {url}/metrics)")
    if demo is not None:
        click.echo(_DEMO.format(demo))
        click.echo("Get a token:\n" + _SIGN_IN.format(url=url, demo=demo), nl=False)
    elif settings.may_post_anonymously:
        click.echo(f"The demo user is {USERNAME}. Post a message:\n" + _MESSAGE.format(url=url), nl=False)
    click.echo("Stop with Ctrl-C.")
    sys.stdout.flush()


def _become_gunicorn() -> None:
    os.execv(  # noqa: S606 - this very interpreter, anew: what counts must not be loaded before gunicorn says for whom
        sys.executable,
        [sys.executable, "-m", "gunicorn", "--config", "python:workers.embedded", "twooter.wsgi:app"],
    )
