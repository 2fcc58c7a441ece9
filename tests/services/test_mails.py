"""Mails: confirmations, notices and resets, written by the worker; sent over SMTP with TLS."""

import re
import socketserver
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from tests.mailbox import mails, mails_to, text_of, token_in
from tests.services.conftest import HOME, PASSWORD, SignIn
from twooter.domain.clients import Client
from twooter.errors import Conflict, Invalid, Unauthorized, Unavailable
from twooter.services.house import Services
from twooter.services.posting import Smtp
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


class _Server(socketserver.StreamRequestHandler):
    """Just enough SMTP for one mail."""

    def handle(self) -> None:
        say = lambda line: self.wfile.write(line.encode() + b"\r\n")  # noqa: E731 - a verb of three letters
        say("220 here")
        for raw in self.rfile:
            word = raw[:4].upper().strip()
            if word == b"EHLO":
                say("250 here")
            elif word == b"DATA":
                say("354 go on")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))  # type: ignore[attr-defined]  # set below
                say("250 taken")
            elif word == b"RCPT" and b"nobody@" in raw:
                say("550 no such mailbox")
            elif word == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 fine")


@contextmanager
def _smtp_server() -> Iterator[tuple[str, list[bytes]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Server) as server:
        server.daemon_threads = True
        server.mails = []  # type: ignore[attr-defined]  # what it took
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", server.mails  # type: ignore[attr-defined]  # as above
        server.shutdown()


def _mail(to: str = "alice@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "twooter@localhost", to, "Hello"
    message.set_content("Hello")
    return message


def test_a_mail_goes_to_an_smtp_server() -> None:
    with _smtp_server() as (url, taken):
        Smtp(url)(_mail(), template="reset")
        assert len(taken) == 1
        assert b"To: alice@example.com" in taken[0]


def test_a_refused_recipient_is_no_reason_to_try_again() -> None:
    with _smtp_server() as (url, taken):
        Smtp(url)(_mail("nobody@example.com"), template="reset")
        assert not taken


def test_a_server_that_is_away_is_tried_again_later() -> None:
    with _smtp_server() as (url, _):
        pass
    with pytest.raises(Unavailable):
        Smtp(url)(_mail(), template="reset")


def test_a_server_without_tls_gets_no_mail_unless_it_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _smtp_server() as (url, taken):
        monkeypatch.setattr("twooter.services.posting._LOOPBACK", ())
        with pytest.raises(Unavailable):
            Smtp(url)(_mail(), template="reset")
        assert not taken
