"""Publications: scheduled twoots whose time has come are published, each once, however many workers look for them."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from twooter.domain import scheduled_twoots as rules
from twooter.domain.accounts import Account, State, Viewer
from twooter.domain.events import RefusalEvent
from twooter.domain.scheduled_twoots import Refusal, ScheduledTwoot
from twooter.domain.twoots import Twoot
from twooter.errors import Invalid, TwooterError, Unavailable
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.twoots import Twoots
from twooter.storage import accounts, credentials, idempotency, scheduled_twoots
from twooter.storage.database import Session, Storage

log = get_logger("publications")

RUN_SECONDS = 5.0
"""What is left waits for the next run: mails and notifications are behind this one."""
_SWEPT = 100
_PAUSE_MS = 60_000
_NOT_ACTIVE = Refusal("account_not_active", "Your account took no part when this was to be published.")
_FAILED = Refusal("failed", "This could not be published; give it another time.")


class _Taken(Exception):
    """Somebody else has published it, or its author has changed or cancelled it."""


class Publications:
    """Publishes what is due by the service that everybody uses.

    A scheduled twoot goes in the transaction that writes the twoot: whatever dies in between has done both, or neither.
    """

    def __init__(self, storage: Storage, ids: Ids, outboxes: Outboxes, twoots: Twoots) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._twoots = twoots

    def sweep(self) -> int:
        """Do what is due, as far as time allows; return how many twoots were published."""
        until, published = time.monotonic() + RUN_SECONDS, 0
        while time.monotonic() < until:
            now_ms = self._ids.now_ms()
            found = self._storage.read(partial(scheduled_twoots.fetch_due, now_ms=now_ms, limit=_SWEPT))
            if not found:
                break
            for value in found:
                published += self._settle(value, now_ms)
        return published

    def _settle(self, value: ScheduledTwoot, now_ms: int) -> bool:
        """Publish, or note why not; return whether it was published.

        Raises: Unavailable when that cannot be done now.
        """
        account = self._storage.read(lambda tx: accounts.find(tx, value.account_id))
        if value.refusal is not None or account is None or account.state is State.DELETING:
            self._storage.transact(lambda tx: scheduled_twoots.take(tx, value))
            return False
        if account.state is not State.ACTIVE:
            self._refuse(value, _NOT_ACTIVE, now_ms)
            return False
        try:
            self._publish(account, value)
        except _Taken:
            return False
        except Unavailable:
            raise
        except TwooterError as ex:
            self._refuse(value, _refusal(ex), now_ms)
            return False
        except Exception as ex:
            log.error("publication_failed", account_id=value.account_id, scheduled_id=value.id, exc_info=ex)
            self._try_later(value, now_ms)
            return False
        return True

    def _publish(self, account: Account, value: ScheduledTwoot) -> None:
        known = self._storage.read(lambda tx: credentials.find(tx, account.id))
        is_confirmed = known is not None and known.email_confirmed_ms is not None
        author = account.author
        viewer = Viewer(
            account.id,
            account.username,
            account.role,
            0,
            is_confirmed,
            author.display_name,
            author.version,
            author.protected,
        )

        def take(tx: Session, twoot: Twoot) -> None:
            if not scheduled_twoots.take(tx, value):
                raise _Taken
            if value.idempotency_key is not None:
                key = value.idempotency_key
                idempotency.redirect(tx, value.account_id, key, made=value.id, becomes=twoot.id)

        card = self._twoots.publish(viewer, value.draft, meanwhile=take)
        log.info("schedule_published", account_id=account.id, scheduled_id=value.id, twoot_id=card.twoot.id)

    def _refuse(self, value: ScheduledTwoot, refusal: Refusal, now_ms: int) -> None:
        """Note why it was not published, and have its author told; it goes when there was time to see that."""
        refused = replace(value, refusal=refusal)
        event = RefusalEvent(value.account_id, value.id, value.version + 1)

        def work(tx: Session) -> bool:
            if not scheduled_twoots.change(tx, refused, now_ms + rules.REFUSED_KEPT_MS):
                return False
            self._outboxes.append(tx, value.account_id, event, request_id=None)
            return True

        if self._outboxes.transact(work):
            log.info(
                "schedule_refused", account_id=value.account_id, scheduled_id=value.id, code=refusal.code
            )

    def _try_later(self, value: ScheduledTwoot, now_ms: int) -> None:
        tries = value.tries + 1
        if tries >= rules.MAX_TRIES:
            self._refuse(value, _FAILED, now_ms)
            return
        later = replace(value, tries=tries)
        self._storage.transact(lambda tx: scheduled_twoots.change(tx, later, now_ms + _PAUSE_MS))


def _refusal(ex: TwooterError) -> Refusal:
    first = ex.errors[0] if isinstance(ex, Invalid) and ex.errors else ex
    return Refusal(first.code, first.detail)
