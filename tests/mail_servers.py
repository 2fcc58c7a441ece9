"""SMTP servers of a test's own, with TLS and passwords as real ones have them, and what they took."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.processes import free_port
from tests.storage.certificates import Authority

HOST = "127.0.0.1"
USER, PASSWORD = "twooter", "a p@ss/word"
LOGIN = "twooter:a%20p%40ss%2Fword"
"""Both, as a URL has them."""


class Mailbox:
    """What an SMTP server took, and whether it came encrypted."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take every address but one."""
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
        """Take the mail."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        assert server.transport is not None
        from_the_start = server.transport.get_extra_info("sslcontext") is not None
        self.encrypted.append(from_the_start or session.ssl is not None)
        return "250 taken"


def knows(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
    """Let one user in."""
    known = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


@contextmanager
def smtp_server(**options: Any) -> Iterator[tuple[str, Mailbox]]:  # Any: what aiosmtpd takes
    """Run an SMTP server; give its host and port, and what it takes."""
    mailbox = Mailbox()
    server = Controller(mailbox, hostname=HOST, port=free_port(), **options)
    server.start()
    try:
        yield f"{HOST}:{server.port}", mailbox
    finally:
        server.stop()


def certified(authority: Authority, folder: Path, address: str = HOST) -> ssl.SSLContext:
    """Return what makes a server show a certificate for an address."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.vouch(folder, address))
    return made
