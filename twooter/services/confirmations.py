"""Confirmations: a mail address becomes its account's, claimed for the whole instance."""

from __future__ import annotations

from twooter.domain.accounts import State, Viewer
from twooter.domain.clients import Client
from twooter.domain.events import MailEvent
from twooter.errors import Conflict, NotFound
from twooter.logs import get_logger
from twooter.services.addresses import Addresses
from twooter.services.ids import Ids
from twooter.services.limits import Limits
from twooter.services.links import Links, dead_link
from twooter.services.outboxes import Outboxes
from twooter.storage import claims, credentials
from twooter.storage.credentials import Credential
from twooter.storage.database import Storage

log = get_logger("confirmations")


class Confirmations:
    """Confirms mail addresses, by a mailed link or by an operator's word."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        limits: Limits,
        addresses: Addresses,
        links: Links,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._limits = limits
        self._addresses = addresses
        self._links = links

    def confirm(self, token: str) -> None:
        """Confirm the address that a link was mailed to; repeating it changes nothing.

        Raises: Invalid for a link that no longer holds; Conflict when another account has confirmed the address.
        """
        account_id, version = self._links.read("confirmation", token)
        found = self._storage.read(lambda tx: credentials.find(tx, account_id))
        if found is None or found.password_version != version or found.state is State.DELETING:
            raise dead_link()
        if not self._claim(found):
            raise dead_link()

    def confirm_for(self, username: str) -> None:
        """Confirm an account's address on an operator's word.

        Raises: NotFound when there is no such account; Conflict when another account has confirmed the address.
        """
        id_ = self._storage.read(lambda tx: claims.find_by_username(tx, username.lower()))
        found = None if id_ is None else self._storage.read(lambda tx: credentials.find(tx, id_))
        if found is None or not self._claim(found):
            raise NotFound("account")

    def send_again(self, viewer: Viewer, client: Client) -> None:
        """Have the mail with the confirmation link written once more; nothing comes once the address is confirmed.

        Raises: TooMany.
        """
        self._limits.mail_request(client)
        event = MailEvent("confirmation", viewer.account_id, None)
        self._outboxes.transact(
            lambda tx: self._outboxes.append(tx, viewer.account_id, event, request_id=client.request_id)
        )

    def _claim(self, found: Credential) -> bool:
        """Claim the address, then note it; return False when the account is being deleted."""
        id_, hmac, now_ms = found.account_id, self._addresses.hmac(found.email), self._ids.now_ms()
        self._storage.transact(lambda tx: claims.claim_email(tx, hmac, id_))
        if self._storage.read(lambda tx: claims.find_by_email(tx, hmac)) != id_:
            raise Conflict("Another account has confirmed this address.", code="email_taken")
        # read after the claim: a deletion that began before has given its claims back, and will not come again
        now = self._storage.read(lambda tx: credentials.find(tx, id_))
        if now is None or now.state is State.DELETING:
            self._storage.transact(lambda tx: claims.release_email(tx, hmac, id_))
            return False
        if self._storage.transact(lambda tx: credentials.confirm(tx, id_, now_ms)):
            log.info("address_confirmed", account_id=id_)
        return True
