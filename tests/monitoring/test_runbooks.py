"""Runbooks: commands that exist, shell that parses, names that the chart gives, links that lead somewhere."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from tests.monitoring.rules import RUNBOOKS
from tests.rules.metrics_page import events
from tests.rules.sources import ROOT
from twooter.cli import main

PAGES = sorted(RUNBOOKS.glob("*.md"))
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"python -m twooter ([a-z][^`\n>|]*)")


def words() -> list[tuple[str, list[str]]]:
    """Return every command of ours in a shell block or in running text, with its page."""
    return [(page.stem, shlex.split(found)) for page in PAGES for found in COMMAND.findall(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_shell_blocks_are_shell(page: Path) -> None:
    for block in SHELL.findall(page.read_text()):
        checked = subprocess.run(
            ["bash", "-n"], input=block, check=False, capture_output=True, text=True, timeout=20
        )
        assert checked.returncode == 0, checked.stderr


def test_commands_of_ours_exist_with_their_options() -> None:
    assert len(words()) > 10
    for page, given in words():
        command, options = _find(main, given)
        assert not isinstance(command, click.Group) or not options, (page, given)
        command.make_parser(click.Context(command)).parse_args(options)


def _find(command: click.Command, given: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and its options."""
    inner = (
        command.get_command(click.Context(command), given[0])
        if isinstance(command, click.Group) and given
        else None
    )
    return (command, given) if inner is None else _find(inner, given[1:])


def test_deployments_are_those_of_the_chart() -> None:
    values = yaml.safe_load((ROOT / "helm" / "twooter" / "values.yaml").read_text())
    workers = {f"twooter-worker-{group['name']}" for group in values["worker"]["groups"]}
    known = {"twooter-api", "twooter-relay", "twooter-beat", "twooter-exporter", "twooter-stream", *workers}
    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"deploy(?:ment)?[/ ](twooter-[\w-]+)", text))
    assert named
    assert named <= known


def test_events_that_are_searched_for_are_logged() -> None:
    known = {event for _, event, _, _ in events()}
    text = "\n".join(page.read_text() for page in PAGES)
    searched = {
        event
        for found in re.findall(r'"event": \?"\(?([\w|]+)\)?"|"event":"(\w+)"', text)
        for event in "|".join(found).split("|")
        if event
    }
    assert len(searched) > 5
    assert searched <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_pages(page: Path) -> None:
    for target in re.findall(r"\]\(([\w.]+\.md)\)", page.read_text()):
        assert (RUNBOOKS / target).is_file(), target


def test_lines_can_be_read_on_a_terminal() -> None:
    long = [
        f"{page.name}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > 160 and not line.startswith("k ")
    ]
    assert not long, long
