"""Passwords: changed with the old one, reset by a link that works once."""

from collections.abc import Callable

import pytest
import time_machine

from tests.houses import PASSWORD
from tests.mailbox import mails, mails_to, token_in
from tests.services.conftest import HOME, SignIn
from twooter.domain.clients import Client
from twooter.errors import Forbidden, Invalid, TooMany, Unauthorized
from twooter.services.house import Services
from twooter.settings import Settings

NEW = "a much newer password"
Drain = Callable[[], None]


def _reset_token(services: Services, settings: Settings, drain: Drain) -> str:
    services.passwords.request_reset("alice@example.com", Client(HOME))
    drain()
    return token_in(mails_to(settings.var_dir, "alice@example.com")[-1])


def test_a_change_ends_every_other_token(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    kept = services.tokens.issue(viewer.account_id, Client(HOME))
    other = services.tokens.issue(viewer.account_id, Client(HOME))
    services.passwords.change(services.authenticate(kept.bearer), PASSWORD, NEW, Client(HOME))
    assert services.authenticate(kept.bearer).account_id == viewer.account_id
    with pytest.raises(Unauthorized):
        services.authenticate(other.bearer)
    with pytest.raises(Unauthorized):
        services.tokens.sign_in("alice", PASSWORD, Client(HOME))
    assert services.tokens.sign_in("alice", NEW, Client(HOME)).bearer


def test_a_change_needs_the_old_password_and_a_good_new_one(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    with pytest.raises(Forbidden):
        services.passwords.change(viewer, "wrong password", NEW, Client(HOME))
    with pytest.raises(Invalid):
        services.passwords.change(viewer, PASSWORD, "short", Client(HOME))
    assert services.tokens.sign_in("alice", PASSWORD, Client(HOME)).bearer


@pytest.mark.parametrize("changes", [{"limit_sign_ins": "3/minute"}])
def test_the_old_password_cannot_be_guessed_with_a_stolen_token(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    for _ in range(3):
        with pytest.raises(Forbidden):
            services.passwords.change(viewer, "wrong password", NEW, Client(HOME))
    with pytest.raises(TooMany):
        services.passwords.change(viewer, PASSWORD, NEW, Client(HOME))


def test_a_reset_works_once_and_ends_every_token(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    bearer = services.tokens.issue(join("alice").account_id, Client(HOME)).bearer
    services.confirmations.confirm_for("alice")
    token = _reset_token(services, settings, drain)
    services.passwords.reset(token, NEW)
    with pytest.raises(Unauthorized):
        services.authenticate(bearer)
    with pytest.raises(Invalid) as caught:
        services.passwords.reset(token, "yet another password")
    assert caught.value.errors[0].code == "bad_token"
    assert services.tokens.sign_in("alice", NEW, Client(HOME)).bearer


def test_a_link_dies_with_the_password_and_after_an_hour(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    services.confirmations.confirm_for("alice")
    token = _reset_token(services, settings, drain)
    services.passwords.change(viewer, PASSWORD, NEW, Client(HOME))
    with pytest.raises(Invalid):
        services.passwords.reset(token, "yet another password")
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        token = services.passwords._links.make("reset", viewer.account_id, 2)
        clock.shift(3601)
        with pytest.raises(Invalid):
            services.passwords.reset(token, "yet another password")
        clock.shift(-1)
        services.passwords.reset(token, "yet another password")


def test_a_link_is_worth_nothing_changed_or_for_another_purpose(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    drain()
    (confirmation,) = mails(settings.var_dir)
    services.confirmations.confirm_for("alice")
    token = _reset_token(services, settings, drain)
    for bad in ("", "x", token[:-1], token + "x", "A" + token[1:], token_in(confirmation), "é"):
        with pytest.raises(Invalid):
            services.passwords.reset(bad, NEW)
    with pytest.raises(Invalid):
        services.confirmations.confirm(token)


def test_a_request_does_the_same_for_every_address(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    services.confirmations.confirm_for("alice")
    join("bob")  # unconfirmed
    drain()
    before = len(mails(settings.var_dir))
    seen = []
    for address in ("alice@example.com", "bob@example.com", "nobody@example.com"):
        names: list[str] = []
        services.storage.observers[:] = [lambda name, *_, names=names: names.append(name)]
        services.passwords.request_reset(address, Client(HOME))
        seen.append(names)
    assert seen == [["outbox_append"]] * 3
    drain()
    assert [mail["To"] for mail in mails(settings.var_dir)[before:]] == ["alice@example.com"]


@pytest.mark.parametrize("changes", [{"limit_mails": "1/hour"}])
def test_requests_are_limited_by_network_and_mails_by_address(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    drain()
    services.confirmations.confirm_for("alice")
    for _ in range(10):
        services.passwords.request_reset("alice@example.com", Client(HOME))
    with pytest.raises(TooMany):
        services.passwords.request_reset("alice@example.com", Client(HOME))
    drain()
    assert (
        len(mails_to(settings.var_dir, "alice@example.com")) == 1
    )  # the confirmation was the one of this hour
