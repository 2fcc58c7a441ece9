"""The small commands: help, config, routes, migrate, and what is refused where."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from tests.cli.conftest import Call
from tests.rules.sources import ROOT
from twooter.cli import COMMANDS, main

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
PRODUCTION = {
    "TWOOTER_ENV": "production",
    "TWOOTER_DATABASE_URL": "mysql://u:hidden-password@127.0.0.1:1/x",
    "TWOOTER_BROKER_URL": "redis://127.0.0.1:1",
    "TWOOTER_SECRET_KEYS": "hidden-key-of-at-least-thirty-two-bytes",
    "TWOOTER_METRICS_PORT": "9",
    "TWOOTER_MAIL": "folder",
}
MIGRATIONS = ", ".join(sorted(file.stem for file in (ROOT / "twooter/storage/migrations").glob("[0-9]*.py")))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_a_command_what_the_command_says(name: str, backend: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name].summary
    shown = CliRunner().invoke(main, [name, "--help"])
    assert (shown.exit_code, COMMANDS[name].summary in shown.output) == (0, True)


def test_the_help_lists_every_command_without_loading_one(backend: str) -> None:
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom twooter.cli import main\n"
        "print(CliRunner().invoke(main, ['--help']).output)\n"
        "print([name for name in sys.modules if name.startswith(('twooter.', 'falcon', 'peewee', 'celery'))])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name, entry in COMMANDS.items():
        assert f"  {name} " in shown.stdout
        assert entry.summary in shown.stdout
    assert shown.stdout.splitlines()[-1] == "['twooter.garbage', 'twooter.cli']"


def test_an_unknown_command_is_a_usage_error(backend: str) -> None:
    shown = CliRunner().invoke(main, ["fly"])
    assert (shown.exit_code, "No such command 'fly'" in shown.output) == (2, True)


def test_config_shows_every_setting_and_no_secret(twooter: Call) -> None:
    shown = twooter("config", **PRODUCTION, TWOOTER_PORT="8123").stdout.decode()
    assert "hidden" not in shown
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert lines["TWOOTER_PORT"].split()[1:] == ["8123", "environment"]
    assert lines["TWOOTER_THREADS"].split()[1:] == ["8", "default"]
    assert lines["TWOOTER_DATABASE_URL"].split()[1:] == ["**********", "environment"]
    assert len(lines) > 30


@pytest.mark.parametrize("command", ["config", "run", "serve", "import", "demo", "migrate"])
def test_bad_settings_are_a_sentence(backend: str, command: str) -> None:
    arguments = [command, __file__] if command == "import" else [command]
    done = CliRunner().invoke(main, arguments, env={"TWOOTER_PORT": "many"})
    assert (done.exit_code, "TWOOTER_PORT: " in done.output) == (1, True)


def test_routes_lists_the_route_table(twooter: Call) -> None:
    shown = twooter("routes").stdout.decode().splitlines()
    assert any(line.split()[:3] == ["POST", "/v1/twoots", "required"] for line in shown)
    assert any(line.split()[:3] == ["GET", "/messages", "optional"] for line in shown)


def test_migrate_says_what_it_did_and_check_what_it_would_do(
    twooter: Call, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('new') / 'new.sqlite3'}"
    before = twooter("migrate", "--check", TWOOTER_DATABASE_URL=url)
    assert (before.returncode, before.stdout.decode()) == (1, f"Pending: {MIGRATIONS}\n")
    assert twooter("migrate", TWOOTER_DATABASE_URL=url).stdout.decode() == f"Applied: {MIGRATIONS}\n"
    assert twooter("migrate", TWOOTER_DATABASE_URL=url).stdout == b"The schema is up to date.\n"
    assert twooter("migrate", "--check", TWOOTER_DATABASE_URL=url).returncode == 0


def test_a_database_that_is_away_is_a_sentence(twooter: Call) -> None:
    done = twooter("migrate", TWOOTER_DATABASE_URL="mysql://u:hidden-password@127.0.0.1:1/x")
    assert done.returncode == 1
    assert (
        b"Error: Nothing was migrated. The database at 127.0.0.1:1 does not answer: is it up" in done.stderr
    )
    assert b"Traceback" not in done.stderr
    assert b"hidden" not in done.stderr + done.stdout


@pytest.mark.parametrize("command", ["run", "demo"])
def test_what_belongs_on_a_laptop_is_refused_in_production(twooter: Call, command: str) -> None:
    done = twooter(command, **PRODUCTION)
    assert (done.returncode, b"production" in done.stderr) == (1, True)


def test_run_is_refused_in_kubernetes(twooter: Call) -> None:
    done = twooter("run", KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert (done.returncode, b"Kubernetes" in done.stderr) == (1, True)
