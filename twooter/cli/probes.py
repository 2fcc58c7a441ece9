"""`probe`: whether Twooter works, seen from outside."""

from __future__ import annotations

import dataclasses
import secrets
import signal
import sys
from types import FrameType

import click
import orjson

from twooter.cli.databases import quiet, refusals
from twooter.services.outcomes import Outcomes
from twooter.services.probes import Person, Probe, Result
from twooter.settings import Settings, read_settings
from twooter.storage.database import Storage
from twooter.storage.outcomes import PROBE

_GRACE_SECONDS = 20
"""For cleaning up, and for writing down how it ended."""


@click.command()
@click.option("--url", help="Address to probe; without it TWOOTER_PUBLIC_URL.")
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(1, 600),
    help="Time the probe may take.",
)
@click.option(
    "--register", is_flag=True, help="Probe as a new account, deleted at the end; where no mail is asked for."
)
@click.option("--anonymous", is_flag=True, help="Probe by an anonymous message, which stays.")
@click.option(
    "--record", is_flag=True, help="Write the outcome to the database, where the exporter reads it."
)
def probe(*, url: str | None, seconds: float, register: bool, anonymous: bool, record: bool) -> None:
    """Post, read and wait for the aggregate, as a client does.

    Signs in with TWOOTER_PROBE_TOKEN, or with TWOOTER_PROBE_USERNAME and TWOOTER_PROBE_PASSWORD: an account whose mail
    address is confirmed. Takes away what it posted, prints one line of JSON, and ends with 1 when a step failed.
    """
    settings = read_settings()
    quiet(settings)
    url = settings.public_url if url is None else url
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter("must begin with http:// or https://", param_hint="--url")
    person = _person(settings, register=register, anonymous=anonymous)
    signal.signal(signal.SIGALRM, _give_up)  # whatever an address does with its connections
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)
    result = Probe(url, person, seconds=seconds).run()
    click.echo(orjson.dumps({"ok": result.is_ok, **dataclasses.asdict(result)}))
    if record:
        with refusals():
            _record(settings, result)
    if not result.is_ok:
        sys.exit(1)


def _person(settings: Settings, *, register: bool, anonymous: bool) -> Person:
    if register:
        return Person(
            username=f"probe_{secrets.token_hex(6)}", password=secrets.token_urlsafe(16), is_new=True
        )
    if anonymous:
        return Person()
    if settings.probe_token is not None:
        return Person(token=settings.probe_token.get_secret_value())
    if settings.probe_username is None or settings.probe_password is None:
        raise click.ClickException(
            "Set TWOOTER_PROBE_TOKEN, or TWOOTER_PROBE_USERNAME and TWOOTER_PROBE_PASSWORD; "
            "or use --register or --anonymous where that is allowed."
        )
    return Person(username=settings.probe_username, password=settings.probe_password.get_secret_value())


def _record(settings: Settings, result: Result) -> None:
    storage = Storage.open(settings)
    detail = {"failed_step": result.failed_step, "steps": result.steps}
    try:
        Outcomes(storage).record(PROBE, succeeded=result.is_ok, seconds=result.seconds, detail=detail)
    finally:
        storage.close()


def _give_up(_: int, __: FrameType | None) -> None:
    click.echo(orjson.dumps({"ok": False, "failed_step": "all", "error": "it took too long"}))
    sys.exit(1)
