"""Transfers: begun by requests, one of a kind at a time; read by whose they are; moved on by steps that count once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twooter.domain import pages
from twooter.domain.accounts import State as AccountState
from twooter.domain.accounts import Viewer
from twooter.domain.events import TransferEvent
from twooter.domain.pages import Page, Slice
from twooter.domain.transfers import KEPT_MS, Kind, State, Transfer
from twooter.errors import NotFound
from twooter.logs import get_logger
from twooter.services.follows import begin
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.replays import made_by
from twooter.storage import follows, idempotency, transfers
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("transfers")

Write = Callable[[Session], None]
"""Writes what belongs to a step, in its transaction."""
NOUNS = {Kind.TAKEOUT: "export", Kind.FOLLOWS: "import"}


class Transfers:
    """What archives of own data and imports of follows have in common; another account's are not there."""

    def __init__(self, storage: Storage, ids: Ids, outboxes: Outboxes) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes

    def new(self, viewer: Viewer, kind: Kind) -> Transfer:
        """Return a transfer that may be begun."""
        return Transfer(viewer.account_id, kind, self._ids.make())

    def start(
        self,
        transfer: Transfer,
        write: Write,
        *,
        idempotency_key: Idempotency | None = None,
        request_id: str | None = None,
    ) -> Transfer:
        """Begin a transfer, with what it is made of, and return it; while one of its kind is running, return that one.

        Raises: Invalid for a key used for another request; NotFound when the key's transfer is gone.
        """
        id_, event = transfer.account_id, event_of(transfer)

        def work(tx: Session) -> Transfer | None:
            begin(tx, id_)
            running = transfers.find_running(tx, id_, transfer.kind)
            made = transfer if running is None else running
            if idempotency_key is not None and not idempotency.remember(
                tx, id_, idempotency_key, made.id, transfer.created_ms
            ):
                return None
            if running is not None:
                return running
            transfers.insert(tx, transfer, transfer.created_ms)
            write(tx)
            self._outboxes.append(tx, id_, event, request_id=request_id)
            return transfer

        found = self._outboxes.transact(work)
        if found is None:
            return self._get(id_, transfer.kind, made_by(self._storage, id_, idempotency_key))
        if found is transfer:
            log.info("transfer_begun", account_id=id_, what=transfer.kind.name.lower(), transfer_id=found.id)
        return found

    def get(self, viewer: Viewer, kind: Kind, id_: int) -> Transfer:
        """Return one of the viewer's transfers.

        Raises: NotFound when there is none, or it has expired.
        """
        return self._get(viewer.account_id, kind, id_)

    def fetch(self, viewer: Viewer, kind: Kind, page: Page) -> Slice[Transfer]:
        """Return a page of the viewer's transfers, the newest first; one query."""
        now_ms = self._ids.now_ms()
        found = self._storage.read(lambda tx: transfers.fetch(tx, viewer.account_id, kind, page, now_ms))
        return pages.cut(found, page, lambda one: one.id)

    def advance(self, before: Transfer, after: Transfer, write: Write) -> bool:
        """Take a step, with what it writes; return False when somebody else has taken it, or nobody may any more."""
        now_ms = self._ids.now_ms()

        def work(tx: Session) -> bool:
            held = follows.lock(tx, before.account_id)
            if held is None or held.state is not AccountState.ACTIVE:
                return False
            if not transfers.move(tx, before, after, now_ms):
                return False
            write(tx)
            return True

        return self._outboxes.transact(work)

    def remove(self, viewer: Viewer, kind: Kind, id_: int, *, request_id: str | None = None) -> None:
        """Remove one of the viewer's transfers, and stop it where it is running; a worker removes what it is made of.

        To be repeated while it is remembered, for an hour at least.

        Raises: NotFound when there is none.
        """
        now_ms = self._ids.now_ms()

        def work(tx: Session) -> bool:
            begin(tx, viewer.account_id)
            found = transfers.find(tx, viewer.account_id, kind, id_)
            if found is None:
                raise NotFound(NOUNS[kind])
            if found.has_expired(now_ms):
                return False
            transfers.leave(tx, found, now_ms)
            self._outboxes.append(tx, viewer.account_id, event_of(found), request_id=request_id)
            return True

        if self._outboxes.transact(work):
            what = kind.name.lower()
            log.info("transfer_removed", account_id=viewer.account_id, what=what, transfer_id=id_)

    def ended(self, transfer: Transfer, state: State) -> Transfer:
        """Return a transfer as it is when it ends now."""
        now_ms = self._ids.now_ms()
        return replace(transfer, state=state, ended_ms=now_ms, expires_ms=now_ms + KEPT_MS)

    def _get(self, account_id: int, kind: Kind, id_: int) -> Transfer:
        found = self._storage.read(lambda tx: transfers.find(tx, account_id, kind, id_))
        if found is None or found.has_expired(self._ids.now_ms()):
            raise NotFound(NOUNS[kind])
        return found


def event_of(transfer: Transfer) -> TransferEvent:
    """Return what asks workers for the next steps of a transfer."""
    return TransferEvent(transfer.account_id, int(transfer.kind), transfer.id)
