"""Letters: the texts of mails. The secret stands behind `#`, so that no server or proxy ever logs it."""

from __future__ import annotations

from dataclasses import dataclass

CONFIRMATIONS, RESETS = "/v1/email-confirmations", "/v1/password-resets"
EXPORTS = "/v1/me/exports"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; ASCII only."""

    template: str
    subject: str
    text: str


def confirmation(username: str, token: str, public_url: str) -> Letter:
    """Return the mail that confirms an address."""
    url = public_url + CONFIRMATIONS
    text = f"""\
Hello @{username},

to confirm that this mail address is yours, send

curl -X POST {url} -H 'Content-Type: application/json' -d '{{"token": "{token}"}}'

What this is, and the same token: {url}#{token}

It holds for one hour. If you have not registered at {public_url}, do nothing.
"""
    return Letter("confirmation", "Confirm your mail address", text)


def known_address(username: str, public_url: str) -> Letter:
    """Return the mail to somebody who has an account already when another one is registered with the address."""
    text = f"""\
Hello,

somebody registered @{username} at {public_url} with this mail address. It belongs to another account
already, so it was not confirmed for the new one.

If that was you: sign in with this address and your password, or ask for a new one:

curl -X POST {public_url}{RESETS} -H 'Content-Type: application/json' -d '{{"email": "THIS ADDRESS"}}'

If it was not you, do nothing: your account is untouched.
"""
    return Letter("known_address", "You have an account already", text)


def reset(username: str, token: str, public_url: str) -> Letter:
    """Return the mail that lets somebody set a new password."""
    url = public_url + RESETS
    text = f"""\
Hello @{username},

to set a new password, send

curl -X PUT {url} -H 'Content-Type: application/json' -d '{{"token": "{token}", "password": "NEW PASSWORD"}}'

What this is, and the same token: {url}#{token}

It holds for one hour and works once; it signs you out everywhere. If you have not asked for it, do nothing.
"""
    return Letter("reset", "Set a new password", text)


def export(username: str, public_url: str) -> Letter:
    """Return the mail that says that an archive of somebody's own data is there."""
    url = public_url + EXPORTS
    text = f"""\
Hello @{username},

the archive of your data that you asked for is ready. It is kept for seven days, and only your token opens it:

curl {url} -H 'Authorization: Bearer YOUR TOKEN'

lists your archives, each with the address to download it from.

If you have not asked for it, somebody else is signed in to your account: change your password.
"""
    return Letter("export", "Your archive is ready", text)
