"""Mail addresses: what is one, and the keyed hashes they are claimed by."""

from __future__ import annotations

import hashlib
import hmac

from twooter.errors import Invalid

MAX_ADDRESS = 254


class Addresses:
    """Knows mail addresses by their HMAC; under another key, nobody would own an address any more."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @staticmethod
    def check(text: str) -> str:
        """Return an address as it is written to, without asking the DNS.

        Raises: Invalid for what is no address.
        """
        address = _normal(text)
        if address is None:
            raise Invalid.field("email", "bad_email", "This is no mail address; use name@example.com.")
        return address

    @staticmethod
    def key(text: str) -> str:
        """Return the form in which two spellings of an address are the same; of what is none, something as good."""
        return (_normal(text) or text.strip()).casefold()

    def hmac(self, address: str) -> str:
        """Return the hash by which the address is claimed."""
        text = self.key(address).encode()
        return hmac.new(self._key, b"email\n" + text, hashlib.sha256).hexdigest()


def _normal(text: str) -> str | None:
    """Return an address in ASCII, its domain in small letters, or None."""
    # here, not above: 15 ms and a megabyte of every process's start, for what a web server alone ever asks
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see above

    try:
        found = validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except (EmailNotValidError, UnicodeError):
        return None
    address = found.ascii_email or found.normalized
    return address if len(address) <= MAX_ADDRESS else None
