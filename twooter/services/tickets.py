"""Tickets: let a browser, which cannot send a header there, begin to listen once."""

from __future__ import annotations

import hashlib
import re
import secrets

from twooter.domain.accounts import Viewer
from twooter.domain.streams import TICKET_SECONDS
from twooter.errors import Unauthorized, Unavailable
from twooter.services.tokens import Tokens
from twooter.storage.streams import Logs

_TICKET = re.compile(r"tws_[A-Za-z0-9_-]{43}", re.ASCII)
_REFUSAL = "This ticket does not hold; POST /v1/stream/tickets gives a new one, for one use within 30 s."


class Tickets:
    """Makes tickets, of which only hashes are kept, and takes them back; one holds no longer than its token."""

    def __init__(self, tokens: Tokens, logs: Logs | None) -> None:
        self._tokens = tokens
        self._logs = logs

    def make(self, viewer: Viewer) -> str:
        """Return a ticket for one use within `TICKET_SECONDS`.

        Raises: Unavailable where there are no live updates, or not now.
        """
        if self._logs is None:
            raise Unavailable(
                "Live updates need Redis, and this instance has none.", retry_after_seconds=3600
            )
        ticket = f"tws_{secrets.token_urlsafe(32)}"
        kept = f"{viewer.account_id} {viewer.token_id}".encode()
        self._logs.keep(_key(ticket), kept, TICKET_SECONDS)
        return ticket

    def redeem(self, ticket: str) -> tuple[int, int]:
        """Return the account and the token that a ticket was made with, and let it hold no more.

        Raises: Unauthorized, in one text for whatever is wrong; Unavailable.
        """
        kept = None
        if self._logs is not None and _TICKET.fullmatch(ticket):
            kept = self._logs.take(_key(ticket))
        if kept is None:
            raise Unauthorized(_REFUSAL, code="bad_ticket")
        account_id, token_id = map(int, kept.split())
        if not self._tokens.holding([(account_id, token_id)]):
            raise Unauthorized(_REFUSAL, code="bad_ticket")
        return account_id, token_id


def _key(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
