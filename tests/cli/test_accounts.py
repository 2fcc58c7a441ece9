"""`account`: operators create, confirm, promote and suspend accounts."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from tests.houses import PASSWORD, opened
from twooter.cli import databases, main, migrations
from twooter.domain.accounts import Role
from twooter.domain.clients import Client
from twooter.errors import Unauthorized
from twooter.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what calls `account` on the test's database; logs stay as they are for the tests that follow."""
    monkeypatch.setenv("TWOOTER_DATABASE_URL", settings.database_dsn)
    monkeypatch.setenv("TWOOTER_VAR_DIR", str(settings.var_dir))
    monkeypatch.setattr(databases, "quiet", lambda _: None)
    return lambda *arguments, typed="": CliRunner().invoke(main, ["account", *arguments], input=typed)


def test_an_operator_makes_an_account_and_an_administrator_of_it(run: Run, settings: Settings) -> None:
    typed = f"{PASSWORD}\n"
    made = run("create", "Alice", "--email", "a@example.com", "--password-stdin", typed=typed)
    assert made.exit_code == 0, made.output
    assert "@alice" in made.output
    assert run("confirm", "alice").exit_code == 0
    assert run("promote", "alice", "--role", "admin").exit_code == 0
    with opened(settings) as services:
        bearer = services.tokens.sign_in("a@example.com", PASSWORD, Client("192.0.2.1")).bearer
        assert services.authenticate(bearer).role is Role.ADMIN
        assert run("suspend", "ALICE").exit_code == 0
        with pytest.raises(Unauthorized):
            services.authenticate(bearer)
        assert run("suspend", "alice", "--lift").exit_code == 0
        assert services.authenticate(bearer).username == "alice"


def test_a_lost_key_of_mail_addresses_stops_a_release(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "quiet", lambda _: None)
    typed = f"{PASSWORD}\n"
    assert run("create", "alice", "--email", "a@example.com", "--password-stdin", typed=typed).exit_code == 0
    assert run("confirm", "alice").exit_code == 0
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    monkeypatch.setenv("TWOOTER_SECRET_KEYS", "another")
    refused = CliRunner().invoke(main, ["migrate"])
    assert (refused.exit_code, "TWOOTER_ADDRESS_KEY" in refused.output) == (1, True)
    monkeypatch.setenv("TWOOTER_ADDRESS_KEY", settings.signing_keys()[-1].decode())
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0


def test_a_password_is_asked_for_twice_and_not_shown(run: Run) -> None:
    arguments = ("create", "alice", "--email", "a@example.com")
    assert run(*arguments, typed=f"{PASSWORD}\nsomething else\n").exit_code == 1
    made = run(*arguments, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0
    assert PASSWORD not in made.output


def test_a_refusal_is_one_sentence_without_secrets(run: Run) -> None:
    short = run("create", "bob", "--email", "b@example.com", "--password-stdin", typed="hunter2\n")
    assert short.exit_code == 1
    assert "hunter2" not in short.output
    assert "8 to 256" in short.output
    for arguments in (("confirm", "nobody"), ("promote", "nobody", "--role", "admin"), ("suspend", "nobody")):
        refused = run(*arguments)
        assert (refused.exit_code, refused.output.splitlines()[-1]) == (1, "Error: No such account.")
    assert run("promote", "nobody", "--role", "king").exit_code == 2
