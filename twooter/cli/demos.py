"""`demo`: accounts and twoots to look at."""

from __future__ import annotations

import click

from twooter.cli.databases import opened
from twooter.services.demos import USERNAME
from twooter.settings import read_settings


@click.command()
def demo() -> None:
    """Fill the database with demo accounts and twoots.

    Writes about twenty accounts and a few hundred twoots with hashtags and replies, from 2007 to today, and the account
    `demo`, whose random password is printed once. Called again it changes nothing. Refused in production.
    """
    settings = read_settings()
    if settings.env == "production":
        raise click.ClickException("Demo data does not belong in production; unset TWOOTER_ENV to try it.")
    with opened(settings) as services:
        made = services.demos.make()
    if made is None:
        click.echo(f"The demo data is there already (account `{USERNAME}`); nothing was changed.")
        return
    click.echo(f"Wrote {made.twoots} twoots of {made.accounts} accounts.")
    click.echo(f"Sign in as {made.username} with the password {made.password}")
