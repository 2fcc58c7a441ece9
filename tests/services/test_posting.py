"""Posting: mails over SMTP, encrypted and to the right server, or not at all."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.mail_servers import LOGIN, certified, knows, smtp_server
from tests.storage.certificates import Authority
from twooter.errors import Unavailable
from twooter.services import posting
from twooter.services.posting import Smtp


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Found an authority that this process trusts, as a system's administrator would make it."""
    made = Authority.found(tmp_path, "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def mail(to: str = "alice@example.com") -> EmailMessage:
    """Return a mail."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "twooter@localhost", to, "Hello"
    message.set_content("Hello")
    return message


def test_a_mail_goes_to_an_smtp_server() -> None:
    with smtp_server() as (place, box):
        Smtp(f"smtp://{place}")(mail(), template="reset")
        assert len(box.mails) == 1
        assert b"To: alice@example.com" in box.mails[0]


def test_a_refused_recipient_is_no_reason_to_try_again() -> None:
    with smtp_server() as (place, box):
        Smtp(f"smtp://{place}")(mail("nobody@example.com"), template="reset")
        assert not box.mails


def test_a_server_that_is_away_is_tried_again_later() -> None:
    with smtp_server() as (place, _):
        pass
    with pytest.raises(Unavailable):
        Smtp(f"smtp://{place}")(mail(), template="reset")


def test_a_server_without_tls_gets_no_mail_unless_it_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with smtp_server() as (place, box):
        monkeypatch.setattr(posting, "_LOOPBACK", ())
        with pytest.raises(Unavailable):
            Smtp(f"smtp://{place}")(mail(), template="reset")
        assert not box.mails


def test_starttls_comes_before_the_password_and_the_mail(authority: Authority, tmp_path: Path) -> None:
    tls = certified(authority, tmp_path)
    with smtp_server(
        tls_context=tls, require_starttls=True, authenticator=knows, auth_required=True
    ) as server:
        place, box = server
        Smtp(f"smtp://{LOGIN}@{place}")(mail(), template="reset")
        assert (len(box.mails), box.encrypted) == (1, [True])
        with pytest.raises(Unavailable):
            Smtp(f"smtp://twooter:wrong@{place}")(mail(), template="reset")
        assert len(box.mails) == 1


def test_smtps_is_encrypted_from_the_start(authority: Authority, tmp_path: Path) -> None:
    tls = certified(authority, tmp_path)
    # aiosmtpd knows only TLS that began with STARTTLS
    with smtp_server(ssl_context=tls, authenticator=knows, auth_require_tls=False) as (place, box):
        Smtp(f"smtps://{LOGIN}@{place}")(mail(), template="reset")
        assert (len(box.mails), box.encrypted) == (1, [True])
        with pytest.raises(Unavailable):
            Smtp(f"smtps://twooter:wrong@{place}")(mail(), template="reset")
        assert len(box.mails) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("stranger", ["another authority", "another address"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    authority: Authority, tmp_path: Path, scheme: str, stranger: str
) -> None:
    if stranger == "another authority":
        tls = certified(Authority.found(tmp_path, "unknown"), tmp_path)
    else:
        tls = certified(authority, tmp_path, "192.0.2.1")
    options = {"ssl_context": tls} if scheme == "smtps" else {"tls_context": tls, "require_starttls": True}
    with smtp_server(**options) as (place, box):
        with pytest.raises(Unavailable):
            Smtp(f"{scheme}://{place}")(mail(), template="reset")
        assert not box.mails
