"""Passwords: change with the old one, reset by mail."""

from __future__ import annotations

from twooter.domain import accounts as rules
from twooter.domain.accounts import State, Viewer
from twooter.domain.clients import Client
from twooter.domain.events import MailEvent
from twooter.errors import Forbidden, Invalid
from twooter.logs import get_logger
from twooter.services.addresses import Addresses
from twooter.services.hashes import Hashes
from twooter.services.limits import Limits
from twooter.services.links import Links, dead_link
from twooter.services.outboxes import Outboxes
from twooter.storage import credentials, tokens
from twooter.storage.database import Session, Storage

log = get_logger("passwords")

NOBODY_ID = 0
"""The account of a reset request: whose address it is, only the worker finds out."""


class Passwords:
    """Replaces passwords; every token made under the old one ends."""

    def __init__(
        self,
        storage: Storage,
        outboxes: Outboxes,
        hashes: Hashes,
        limits: Limits,
        addresses: Addresses,
        links: Links,
    ) -> None:
        self._storage = storage
        self._outboxes = outboxes
        self._hashes = hashes
        self._limits = limits
        self._addresses = addresses
        self._links = links

    def change(self, viewer: Viewer, old: str, new: str, client: Client) -> None:
        """Replace the viewer's password; all other tokens end.

        Raises: Invalid for a bad new one; Forbidden for a wrong old one; TooMany; Unavailable.
        """
        if errors := rules.check_password(new):
            raise Invalid(*errors)
        self._limits.password_change(viewer.account_id, client)
        found = self._storage.read(lambda tx: credentials.find(tx, viewer.account_id))
        if not self._hashes.verify(None if found is None else found.password_hash, old) or found is None:
            raise Forbidden("The old password is wrong.", code="wrong_password")
        if not self._replace(viewer.account_id, found.password_version, new, except_id=viewer.token_id):
            raise Forbidden("The password was changed elsewhere just now.", code="wrong_password")
        log.info("password_changed", account_id=viewer.account_id)

    def request_reset(self, email: str, client: Client) -> None:
        """Have a mail with a reset link written if the address is a confirmed one.

        What happens here is the same for every address: the worker looks it up.

        Raises: Invalid for what is no address; TooMany.
        """
        address = self._addresses.check(email)
        self._limits.mail_request(client)
        event = MailEvent("reset", NOBODY_ID, address)
        self._outboxes.transact(
            lambda tx: self._outboxes.append(tx, NOBODY_ID, event, request_id=client.request_id)
        )
        log.info("password_reset_requested")

    def reset(self, token: str, new: str) -> None:
        """Replace the password of the account that a mailed link was made for; all its tokens end.

        Raises: Invalid for a bad password, and for a link that is too old or was used; Unavailable.
        """
        if errors := rules.check_password(new):
            raise Invalid(*errors)
        account_id, version = self._links.read("reset", token)
        found = self._storage.read(lambda tx: credentials.find(tx, account_id))
        if found is None or found.password_version != version or found.state is State.DELETING:
            raise dead_link()  # before the hash, which costs
        if not self._replace(account_id, version, new, except_id=0):
            raise dead_link()
        log.info("password_reset", account_id=account_id)

    def _replace(self, account_id: int, version: int, new: str, *, except_id: int) -> bool:
        password_hash = self._hashes.make(new)

        def work(tx: Session) -> bool:
            if not credentials.set_password(tx, account_id, version, password_hash):
                return False
            tokens.remove_all(tx, account_id, except_id=except_id)
            return True

        return self._storage.transact(work)
