"""`config`: every setting, its value and where it came from."""

from __future__ import annotations

import click

from twooter.settings import Settings, read_settings


@click.command()
def config() -> None:
    """Show every setting and where it came from.

    One line per setting: the variable, its value (secrets are masked), and whether it is set in the environment or the
    default. Exits with 1 naming what is wrong when Twooter could not start with them.
    """
    settings = read_settings()
    names = {name: f"TWOOTER_{name.upper()}" for name in Settings.model_fields}
    width = max(len(variable) for variable in names.values())
    for name, variable in names.items():
        origin = "environment" if name in settings.model_fields_set else "default"
        click.echo(f"{variable:<{width}}  {_shown(getattr(settings, name)):<24}  {origin}")


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value) or "-"
    return str(value)
