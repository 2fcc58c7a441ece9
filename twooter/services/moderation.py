"""Moderation: hide twoots, silence and suspend accounts, and the log of who did what to whom, and why."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain import moderation as rules
from twooter.domain import pages, text
from twooter.domain.accounts import Account, State, Viewer
from twooter.domain.events import HidingEvent
from twooter.domain.moderation import Act, Deed, Standing
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Twoot
from twooter.errors import Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.accounts import Accounts
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.versions import Versions
from twooter.storage import accounts, moderation_log, twoots
from twooter.storage.database import Session, Storage

log = get_logger("moderation")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log with the accounts it names; those that are gone are None."""

    deed: Deed
    account: Account | None
    moderator: Account | None


class Moderation:
    """What moderators do; each act is logged where it is done, and doing it twice changes nothing."""

    def __init__(
        self, storage: Storage, ids: Ids, outboxes: Outboxes, accounts: Accounts, versions: Versions
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._accounts = accounts
        self._versions = versions

    def hide(self, viewer: Viewer, twoot_id: int, reason: str) -> None:
        """Show a twoot to nobody but its author and moderators; it is nowhere else when this returns.

        Raises: Forbidden for who may not; NotFound when it does not exist; Invalid for a bad reason.
        """
        reason = _checked(reason)
        twoot, deed = self._of_twoot(viewer, twoot_id, Act.HIDE, reason)

        def work(tx: Session) -> bool:
            changed = twoots.hide(tx, twoot.author_id, twoot.id, deed.done_ms)
            return self._note(tx, deed, changed=changed)

        self._finish(deed, self._outboxes.transact(work))
        # those who quoted it or passed it on have pages of their own, and nobody knows which
        self._versions.move_all(twoot.author_id)

    def show(self, viewer: Viewer, twoot_id: int) -> None:
        """Hide a twoot no more.

        Raises: Forbidden for who may not; NotFound when it does not exist.
        """
        twoot, deed = self._of_twoot(viewer, twoot_id, Act.SHOW, "")

        def work(tx: Session) -> bool:
            return self._note(tx, deed, changed=twoots.show(tx, twoot.author_id, twoot.id))

        self._finish(deed, self._outboxes.transact(work))
        self._versions.move(twoot.author_id, [], adds_only=True)

    def silence(self, viewer: Viewer, account_id: int, reason: str) -> Standing:
        """Leave what an account writes out of everybody's timelines, search and trends, but for its followers; others
        hear nothing of what it does.

        Raises: Forbidden for who may not; NotFound when there is no such account; Invalid for a bad reason.
        """
        reason = _checked(reason)
        deed = self._of_account(viewer, account_id, Act.SILENCE, reason)

        def work(tx: Session) -> bool:
            return _log(tx, deed, changed=accounts.silence(tx, account_id, deed.done_ms))

        self._finish(deed, self._storage.transact(work))
        self._versions.move_all(account_id)
        return self._standing(account_id)

    def unsilence(self, viewer: Viewer, account_id: int) -> Standing:
        """Take that back.

        Raises: Forbidden for who may not; NotFound when there is no such account.
        """
        deed = self._of_account(viewer, account_id, Act.UNSILENCE, "")
        work = self._storage.transact
        changed = work(lambda tx: _log(tx, deed, changed=accounts.unsilence(tx, account_id)))
        self._finish(deed, changed)
        self._versions.move(account_id, [], adds_only=True)
        return self._standing(account_id)

    def suspend(self, viewer: Viewer, account_id: int, reason: str) -> Standing:
        """Hide an account and all it wrote, and make its tokens void.

        Raises: Forbidden for who may not; NotFound when there is no such account; Invalid for a bad reason.
        """
        reason = _checked(reason)
        self._accounts.set_suspended(self._of_account(viewer, account_id, Act.SUSPEND, reason))
        return self._standing(account_id)

    def readmit(self, viewer: Viewer, account_id: int) -> Standing:
        """Take that back: all it wrote is there again.

        Raises: Forbidden for who may not; NotFound when there is no such account.
        """
        self._accounts.set_suspended(self._of_account(viewer, account_id, Act.READMIT, ""))
        return self._standing(account_id)

    def deeds(self, viewer: Viewer, page: Page) -> Slice[Entry]:
        """Return a page of the log, newest first; two queries.

        Raises: Forbidden for who does not moderate.
        """
        rules.check_moderates(viewer)

        def read(tx: Session) -> Slice[Entry]:
            cut = pages.cut(moderation_log.fetch(tx, page), page, lambda deed: deed.id)
            named = {id_ for deed in cut.items for id_ in (deed.account_id, deed.moderator_id or 0)}
            known = accounts.fetch(tx, sorted(named))
            shown = [
                Entry(deed, known.get(deed.account_id), known.get(deed.moderator_id or 0))
                for deed in cut.items
            ]
            return Slice(shown, cut.next_before, cut.prev_after)

        return self._storage.read(read)

    def _of_twoot(self, viewer: Viewer, twoot_id: int, act: Act, reason: str) -> tuple[Twoot, Deed]:
        rules.check_moderates(viewer)
        twoot = self._storage.read(lambda tx: twoots.find(tx, twoot_id))
        if twoot is None:
            raise NotFound("twoot")
        author = self._storage.read(lambda tx: accounts.find(tx, twoot.author_id))
        rules.check_may_act(viewer, twoot.author_id, author)
        deed = Deed(self._ids.make(), twoot.author_id, viewer.account_id, act, reason, twoot_id)
        return twoot, deed

    def _of_account(self, viewer: Viewer, account_id: int, act: Act, reason: str) -> Deed:
        rules.check_moderates(viewer)
        account = self._storage.read(lambda tx: accounts.find(tx, account_id))
        if account is None or account.state is State.DELETING:
            raise NotFound("account")
        rules.check_may_act(viewer, account_id, account)
        return Deed(self._ids.make(), account_id, viewer.account_id, act, reason)

    def _note(self, tx: Session, deed: Deed, *, changed: bool) -> bool:
        """Log what was done with a twoot, and let those who listen hear of it."""
        if changed and deed.twoot_id is not None:
            event = HidingEvent(deed.account_id, deed.twoot_id)
            self._outboxes.append(tx, deed.account_id, event, request_id=None)
        return _log(tx, deed, changed=changed)

    def _standing(self, account_id: int) -> Standing:
        account = self._storage.read(lambda tx: accounts.find(tx, account_id))
        if account is None or account.state is State.DELETING:
            raise NotFound("account")
        return Standing(account_id, account.silenced, account.state is State.SUSPENDED)

    @staticmethod
    def _finish(deed: Deed, changed: bool) -> None:  # noqa: FBT001 - what a transaction returned
        if changed:
            log.info(
                "moderated",
                act=deed.act.value,
                account_id=deed.account_id,
                moderator_id=deed.moderator_id,
                twoot_id=deed.twoot_id,
            )


def _checked(reason: str) -> str:
    """Return a reason as it is kept.

    Raises: Invalid for one that is none.
    """
    reason = text.clean(reason)
    if errors := rules.check_reason("reason", reason):
        raise Invalid(*errors)
    return reason


def _log(tx: Session, deed: Deed, *, changed: bool) -> bool:
    if changed:
        moderation_log.append(tx, deed)
    return changed
