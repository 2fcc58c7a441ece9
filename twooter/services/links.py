"""Links of mails: signed, valid for one hour, dying with the password's version."""

from __future__ import annotations

import hashlib
from typing import Literal

from itsdangerous import BadData, URLSafeTimedSerializer

from twooter.errors import Invalid

VALID_SECONDS = 3600

Purpose = Literal["confirmation", "reset"]


class Links:
    """Makes and reads the tokens of links; one made for one purpose is worth nothing for another."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._signers = {purpose: _signer(keys, purpose) for purpose in ("confirmation", "reset")}

    def make(self, purpose: Purpose, account_id: int, password_version: int) -> str:
        """Return the token of a link."""
        return str(self._signers[purpose].dumps([account_id, password_version]))

    def read(self, purpose: Purpose, token: str) -> tuple[int, int]:
        """Return the account and the password's version a token was made for.

        Raises: Invalid for one that is not ours, too old, or of another purpose.
        """
        try:
            account_id, version = self._signers[purpose].loads(token, max_age=VALID_SECONDS)
        except BadData:
            raise dead_link() from None
        return account_id, version


def dead_link() -> Invalid:
    """Return the one refusal of a link that no longer holds, for whatever reason."""
    return Invalid.field("token", "bad_token", "This link has expired or was used; ask for a new mail.")


def _signer(keys: tuple[bytes, ...], purpose: str) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last key and verifies with all
    options = {"digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(list(reversed(keys)), salt=f"mail:{purpose}", signer_kwargs=options)
