"""Ownership of mail addresses: whether this process has the key under which they were claimed."""

from __future__ import annotations

from twooter.services.addresses import Addresses
from twooter.storage import claims, credentials
from twooter.storage.database import Session, Storage

_SAMPLE = 5
"""Rows looked at: one alone may be of an account that is being deleted."""


def has_the_key(storage: Storage, addresses: Addresses) -> bool:
    """Return whether addresses that accounts have confirmed are known under this key; True where there are none."""

    def compare(tx: Session) -> list[bool]:
        owned = [(hmac, credentials.find(tx, id_)) for hmac, id_ in claims.fetch_emails(tx, _SAMPLE)]
        return [addresses.hmac(owner.email) == hmac for hmac, owner in owned if owner is not None]

    known = storage.read(compare)
    return any(known) or not known
