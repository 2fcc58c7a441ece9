"""Posting mails: to an SMTP server over TLS, or into a folder on a laptop."""

from __future__ import annotations

import secrets
import smtplib
import ssl
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from twooter.errors import Unavailable
from twooter.logs import get_logger

log = get_logger("mails")

TIMEOUT_SECONDS = 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Post(Protocol):
    """Takes a mail; raises Unavailable when it could not be handed over."""

    def __call__(self, message: EmailMessage, *, template: str) -> None:
        """Send or write one mail."""


class Folder:
    """Writes each mail to a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, message: EmailMessage, *, template: str) -> None:
        """Write one mail; names sort by time."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{int(time.time() * 1000)}-{template}-{secrets.token_hex(4)}.eml"
        path = self._path / name
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(bytes(message))
        log.info("mail_written", path=str(path))


class Smtp:
    """Sends each mail on a connection of its own; TLS is verified, and only a loopback server may do without."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps"):
            raise ValueError("TWOOTER_SMTP_URL must begin with smtp:// or smtps://")
        self._implicit = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._implicit else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")

    def __call__(self, message: EmailMessage, *, template: str) -> None:
        """Send one mail."""
        try:
            with self._connect() as server:
                if self._user:
                    server.login(self._user, self._password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused:
            log.warning("mail_refused", template=template)  # that address takes no mail, and never will
        except (smtplib.SMTPException, OSError) as ex:
            log.warning("mail_not_sent", template=template, error=type(ex).__name__)
            raise Unavailable("The mail server does not take mails; try again.") from None
        else:
            log.info("mail_sent", template=template)

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._implicit:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if server.has_extn("starttls") or self._host not in _LOOPBACK:
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server
