"""Mails that a test has had written: the newest of a folder, and the token in it."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

_TOKEN = re.compile(r'"token": "([^"]+)"')


def mails(var_dir: Path) -> list[EmailMessage]:
    """Return every mail, oldest first."""
    files = sorted((var_dir / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def mails_to(var_dir: Path, address: str) -> list[EmailMessage]:
    """Return the mails to an address, oldest first."""
    return [mail for mail in mails(var_dir) if mail["To"] == address]


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says."""
    return str(mail.get_content())


def token_in(mail: EmailMessage) -> str:
    """Return the token of the link in a mail."""
    match = _TOKEN.search(text_of(mail))
    assert match is not None, text_of(mail)
    return match[1]
