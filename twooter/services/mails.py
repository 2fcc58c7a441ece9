"""Mails: composed by the worker when it sends them, so that links live their whole hour and die with the password."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

from twooter.domain.accounts import State
from twooter.domain.events import Envelope, MailEvent
from twooter.logs import get_logger
from twooter.services import letters
from twooter.services.addresses import Addresses
from twooter.services.letters import Letter
from twooter.services.limits import Limits
from twooter.services.links import Links
from twooter.services.posting import Post
from twooter.storage import claims, credentials
from twooter.storage.counters import Counters
from twooter.storage.credentials import Credential
from twooter.storage.database import Storage

log = get_logger("mails")

_REMEMBERED_SECONDS = 3600


class Mails:
    """Writes the mails that events ask for."""

    def __init__(
        self,
        storage: Storage,
        addresses: Addresses,
        links: Links,
        limits: Limits,
        counters: Counters,
        post: Post,
        *,
        mail_from: str,
        public_url: str,
    ) -> None:
        self._storage = storage
        self._addresses = addresses
        self._links = links
        self._limits = limits
        self._counters = counters
        self._post = post
        self._mail_from = mail_from
        self._public_url = public_url

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Send each mail; a failing one holds up no other, and a repeated batch passes over those sent."""
        failures: list[Exception] = []
        for envelope in envelopes:
            if not isinstance(envelope.event, MailEvent):
                continue
            place = _place(envelope, envelope.event)
            if self._counters.count(place, _REMEMBERED_SECONDS, by=0):
                continue
            try:
                self._send(envelope.event)
            except Exception as ex:  # noqa: BLE001 - whatever is wrong with one mail, the others go out first
                failures.append(ex)
            else:
                self._counters.count(place, _REMEMBERED_SECONDS)
        if failures:
            raise failures[0]

    def _send(self, event: MailEvent) -> None:
        written = self._written(event)
        if written is None:
            log.info("mail_not_needed", template=event.template)
            return
        to, letter = written
        if not self._limits.may_mail(to):
            log.warning("mail_limited", template=letter.template)
            return
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._mail_from, to, letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=urlsplit(self._public_url).hostname)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text, cte="7bit")  # links stay whole, whatever their length
        self._post(message, template=letter.template)

    def _written(self, event: MailEvent) -> tuple[str, Letter] | None:
        if event.template == "reset":
            return self._reset(event)
        return self._export(event) if event.template == "export" else self._confirmation(event)

    def _export(self, event: MailEvent) -> tuple[str, Letter] | None:
        found = self._find(event.account_id)
        if found is None or found.email_confirmed_ms is None:  # the address may be somebody else's
            return None
        return found.email, letters.export(found.username, self._public_url)

    def _confirmation(self, event: MailEvent) -> tuple[str, Letter] | None:
        found = self._find(event.account_id)
        if found is None or found.email_confirmed_ms is not None:
            return None
        if self._owner(found.email) not in (None, found.account_id):
            return found.email, letters.known_address(found.username, self._public_url)
        token = self._links.make("confirmation", found.account_id, found.password_version)
        return found.email, letters.confirmation(found.username, token, self._public_url)

    def _reset(self, event: MailEvent) -> tuple[str, Letter] | None:
        owner = None if event.address is None else self._owner(event.address)
        found = None if owner is None else self._find(owner)
        if found is None:
            return None
        token = self._links.make("reset", found.account_id, found.password_version)
        return found.email, letters.reset(found.username, token, self._public_url)

    def _owner(self, address: str) -> int | None:
        hmac = self._addresses.hmac(address)
        return self._storage.read(lambda tx: claims.find_by_email(tx, hmac))

    def _find(self, account_id: int) -> Credential | None:
        found = self._storage.read(lambda tx: credentials.find(tx, account_id))
        return found if found is not None and found.state is State.ACTIVE else None


def _place(envelope: Envelope, event: MailEvent) -> str:
    text = f"{event.template} {event.account_id} {event.address} {envelope.written_ms} {envelope.request_id}"
    return f"mailed:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
