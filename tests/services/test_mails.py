"""Mails: confirmations, notices and resets, written by the worker."""

import re
import stat
from collections.abc import Callable

import pytest

from tests.houses import PASSWORD
from tests.mailbox import mails, mails_to, text_of, token_in
from tests.services.conftest import HOME, SignIn
from twooter.domain.clients import Client
from twooter.errors import Conflict, Invalid, Unauthorized
from twooter.services.house import Services
from twooter.settings import Settings

Drain = Callable[[], None]


def test_a_confirmation_link_confirms_and_may_be_used_again(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    drain()
    (mail,) = mails(settings.var_dir)
    assert mail["To"] == "alice@example.com"
    for _ in range(2):
        services.confirmations.confirm(token_in(mail))
    _, credential = services.accounts.me(viewer)
    assert credential.email_confirmed_ms is not None


def test_a_link_in_a_mail_keeps_its_secret_behind_the_hash(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    drain()
    text = text_of(mails(settings.var_dir)[0])
    token = token_in(mails(settings.var_dir)[0])
    assert f"{settings.public_url}/v1/email-confirmations#{token}" in text
    assert not re.search(r"\?\S*token", text)


def test_a_mail_is_readable_by_its_owner_alone(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    drain()
    (file,) = (settings.var_dir / "mail").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "alice" not in file.name


def test_who_registers_a_known_address_gets_the_same_answer_and_its_owner_a_mail(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    join("alice")
    services.confirmations.confirm_for("alice")
    drain()
    names: list[list[str]] = []
    for username, email in (("mallory", "Alice@Example.com"), ("bob", "bob@example.com")):
        seen: list[str] = []
        services.storage.observers[:] = [lambda name, *_, seen=seen: seen.append(name)]
        made = services.accounts.register(username, email, PASSWORD, Client(HOME))
        assert made.username == username
        names.append(seen)
    assert names[0] == names[1]
    drain()
    (notice,) = mails_to(settings.var_dir, "Alice@example.com")
    assert "@mallory" in text_of(notice)
    with pytest.raises(AssertionError):
        token_in(notice)
    with pytest.raises(Conflict):
        services.confirmations.confirm_for("mallory")
    with pytest.raises(Unauthorized):  # the address still leads to alice
        services.tokens.sign_in("alice@example.com", "not her password", Client(HOME))
    assert services.tokens.sign_in("alice@example.com", PASSWORD, Client(HOME)).bearer


def test_two_links_to_one_address_confirm_one_account(
    services: Services, settings: Settings, drain: Drain
) -> None:
    for username in ("alice", "alicia"):
        services.accounts.register(username, "one@example.com", PASSWORD, None)
    drain()
    first, second = mails_to(settings.var_dir, "one@example.com")
    services.confirmations.confirm(token_in(first))
    with pytest.raises(Conflict):
        services.confirmations.confirm(token_in(second))


def test_the_confirmation_can_be_had_again_until_it_is_done(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    services.confirmations.send_again(viewer, Client(HOME))
    drain()
    assert len(mails(settings.var_dir)) == 2
    services.confirmations.confirm(token_in(mails(settings.var_dir)[1]))
    services.confirmations.send_again(viewer, Client(HOME))
    drain()
    assert len(mails(settings.var_dir)) == 2


def test_a_confirmation_link_dies_with_the_password(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    drain()
    services.passwords.change(viewer, PASSWORD, "another password", Client(HOME))
    with pytest.raises(Invalid):
        services.confirmations.confirm(token_in(mails(settings.var_dir)[0]))


def test_a_batch_that_comes_again_sends_no_mail_twice(
    services: Services, settings: Settings, join: SignIn
) -> None:
    join("alice")
    join("bob")
    _, deliveries = services.outboxes.seal()
    (delivery,) = [d for d in deliveries if d.consumer == "mails"]
    for _ in range(3):
        services.batches.run("mails", delivery.batch_id)
    assert len(mails(settings.var_dir)) == 2
