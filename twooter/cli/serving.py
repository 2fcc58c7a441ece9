"""`serve`: the web server alone."""

from __future__ import annotations

import sys

import click
from gunicorn import __main__ as gunicorn
from gunicorn.app.wsgiapp import WSGIApplication

from twooter.settings import read_settings


@click.command()
def serve() -> None:
    """Run the web server.

    Neither migrates nor writes demo data: /readyz answers 503 until the schema is new enough. Needs a relay and
    workers beside it.
    """
    read_settings()  # refuses bad settings in a sentence, before gunicorn wraps them in a traceback
    # gunicorn reads its own arguments, and begins anew with them
    sys.argv = [str(gunicorn.__file__), "--config", "python:twooter.gunicorn_conf", "twooter.wsgi:app"]
    WSGIApplication(prog="gunicorn").run()
