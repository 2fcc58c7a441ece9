"""`account`: create, confirm, promote and suspend accounts."""

from __future__ import annotations

import sys

import click

from twooter.cli.databases import opened
from twooter.domain.accounts import Role
from twooter.settings import read_settings


@click.group()
def account() -> None:
    """Create, confirm, promote and suspend accounts."""


@account.command()
@click.argument("username")
@click.option("--email", required=True, help="Mail address; `confirm` makes it the account's.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)
def create(username: str, email: str, *, password_stdin: bool) -> None:
    """Create an account."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with opened(read_settings()) as services:
        made = services.accounts.register(username, email, password, None)
    click.echo(f"Created @{made.username} with the id {made.id}.")


@account.command()
@click.argument("username")
def confirm(username: str) -> None:
    """Confirm an account's mail address without a mail."""
    with opened(read_settings()) as services:
        services.confirmations.confirm_for(username)
    click.echo(f"Confirmed the mail address of @{username.lower()}.")


@account.command()
@click.argument("username")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What it may do from now on.",
)
def promote(username: str, role: str) -> None:
    """Give an account a role, `user` taking the others back."""
    with opened(read_settings()) as services:
        services.accounts.promote(username, Role(role))
    click.echo(f"@{username.lower()} is now: {role}.")


@account.command()
@click.argument("username")
@click.option("--lift", is_flag=True, help="End the suspension.")
def suspend(username: str, *, lift: bool) -> None:
    """Hide an account and its twoots and make its tokens void."""
    with opened(read_settings()) as services:
        services.accounts.suspend(username, lift=lift)
    click.echo(f"@{username.lower()} is {'active again' if lift else 'suspended'}.")
