"""Blocks: neither of two accounts sees anything of the other, and neither follows the other."""

from __future__ import annotations

from twooter.domain.accounts import Viewer
from twooter.domain.graph import State
from twooter.errors import NotFound
from twooter.logs import get_logger
from twooter.services.follows import Follows, begin, check_other
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.storage import accounts, blocks
from twooter.storage.database import Session, Storage

log = get_logger("blocks")

_FOLLOWS = (State.REQUESTED, State.ACTIVE)


class Blocks:
    """Blocks accounts and takes that back."""

    def __init__(self, storage: Storage, ids: Ids, outboxes: Outboxes, follows: Follows) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._follows = follows

    def block(self, viewer: Viewer, target_id: int, *, request_id: str | None = None) -> None:
        """Block an account, also one that blocks the viewer; follows of both end with it.

        Raises: Invalid for oneself; NotFound when there is no such account.
        """
        check_other(viewer, target_id, "You cannot block yourself.")
        if not self._storage.read(lambda tx: accounts.fetch_authors(tx, [target_id])):
            raise NotFound("account")
        id_, edge_id = viewer.account_id, self._ids.make()
        known = self._follows.known(target_id, id_)

        def work(tx: Session) -> None:
            begin(tx, id_)
            blocks.insert(tx, id_, target_id, edge_id)
            self._follows.end_following(tx, id_, target_id, request_id=request_id)
            self._follows.answer(tx, id_, target_id, known, State.NONE, among=_FOLLOWS, request_id=request_id)

        self._outboxes.transact(work)
        log.info("account_blocked", account_id=id_, target_id=target_id)

    def unblock(self, viewer: Viewer, target_id: int, *, request_id: str | None = None) -> None:
        """Take a block back; without one nothing happens. Follows that it has ended do not come back.

        A follow that was made before the block may still be on its way: nobody refuses it any more when it arrives
        later, so it is ended here.
        """
        id_, known = viewer.account_id, self._follows.known(target_id, viewer.account_id)

        def work(tx: Session) -> bool:
            begin(tx, id_)
            if not blocks.remove(tx, id_, [target_id]):
                return False
            self._follows.answer(tx, id_, target_id, known, State.NONE, among=_FOLLOWS, request_id=request_id)
            return True

        if self._outboxes.transact(work):
            log.info("account_unblocked", account_id=id_, target_id=target_id)
