"""Lists of accounts: made, changed, read, and the timeline of those on one; each is its owner's alone."""

from __future__ import annotations

import time
from dataclasses import replace

from twooter.domain import account_lists as rules
from twooter.domain import ids as id_rules
from twooter.domain import pages, text
from twooter.domain.account_lists import MAX_LISTS, MAX_MEMBERS, AccountList
from twooter.domain.accounts import Account, Viewer
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Item
from twooter.errors import Conflict, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.follows import begin
from twooter.services.ids import Ids
from twooter.services.people import fetch_active
from twooter.services.replays import made_by
from twooter.storage import account_lists, accounts, home_rows, idempotency, ties
from twooter.storage.database import Session, Storage
from twooter.storage.homes import Entry
from twooter.storage.idempotency import Idempotency

log = get_logger("account_lists")


class AccountLists:
    """What an account does with its lists; another's are not there for it.

    Whoever is followed no more stays on a list, so that following again brings it back as it was; until then what it
    does is not on the list's timeline, as on the home timeline.
    """

    def __init__(self, storage: Storage, ids: Ids, cards: Cards) -> None:
        self._storage = storage
        self._ids = ids
        self._cards = cards

    def fetch(self, viewer: Viewer, page: Page) -> Slice[AccountList]:
        """Return a page of the viewer's lists, the newest first."""
        found = self._storage.read(lambda tx: account_lists.fetch(tx, viewer.account_id, page))
        return pages.cut(found, page, lambda value: value.id)

    def get(self, viewer: Viewer, list_id: int) -> AccountList:
        """Return one of the viewer's lists.

        Raises: NotFound.
        """
        return self._storage.read(lambda tx: _get(tx, viewer.account_id, list_id))

    def make(self, viewer: Viewer, title: str, *, idempotency_key: Idempotency | None = None) -> AccountList:
        """Make a list and return it.

        Raises: Invalid for a bad title, or a key used for another request; Conflict when there are as many as there may
        be; NotFound when the key's list was deleted since.
        """
        id_, made = viewer.account_id, AccountList(self._ids.make(), _checked(title))

        def work(tx: Session) -> bool:
            begin(tx, id_)
            now_ms = id_rules.time_ms(made.id)
            if idempotency_key is not None and not idempotency.remember(
                tx, id_, idempotency_key, made.id, now_ms
            ):
                return False
            if account_lists.count(tx, id_) >= MAX_LISTS:
                raise Conflict(f"Only {MAX_LISTS} lists can be made; delete one.", code="too_many_lists")
            account_lists.insert(tx, id_, made)
            return True

        if not self._storage.transact(work):
            return self.get(viewer, made_by(self._storage, id_, idempotency_key))
        log.info("list_made", account_id=id_, list_id=made.id)
        return made

    def rename(self, viewer: Viewer, list_id: int, title: str | None) -> AccountList:
        """Give a list another title, where there is one, and return it.

        Raises: Invalid for a bad title; NotFound.
        """
        if title is None:
            return self.get(viewer, list_id)
        cleaned = _checked(title)

        def work(tx: Session) -> AccountList:
            begin(tx, viewer.account_id)
            found = _get(tx, viewer.account_id, list_id)
            account_lists.rename(tx, viewer.account_id, list_id, cleaned)
            return replace(found, title=cleaned)

        return self._storage.transact(work)

    def remove(self, viewer: Viewer, list_id: int) -> None:
        """Delete a list with whom it holds.

        Raises: NotFound.
        """

        def work(tx: Session) -> None:
            begin(tx, viewer.account_id)
            if not account_lists.remove(tx, viewer.account_id, list_id):
                raise NotFound("list")

        self._storage.transact(work)
        log.info("list_removed", account_id=viewer.account_id, list_id=list_id)

    def add(self, viewer: Viewer, list_id: int, member_id: int) -> None:
        """Put an account that the viewer follows on a list; one that is there keeps its place.

        Raises: NotFound when there is no such list or account, or it blocks the viewer; Conflict when it is not
        followed, or the list is full.
        """
        id_, edge_id = viewer.account_id, self._ids.make()
        self.get(viewer, list_id)
        self._storage.read(lambda tx: self._cards.check_account(tx, member_id, id_))
        gone = self._gone(id_, list_id)

        def work(tx: Session) -> None:
            begin(tx, id_)
            _get(tx, id_, list_id)
            if not home_rows.fetch_followed_among(tx, id_, [member_id]):
                raise Conflict("Follow this account first.", code="not_following")
            account_lists.remove_members(tx, id_, list_id, gone)
            held = account_lists.fetch_member_ids(tx, id_, list_id)
            if member_id not in held and len(held) >= MAX_MEMBERS:
                raise Conflict(
                    f"Only {MAX_MEMBERS} accounts can be on a list; take one off.", code="too_many_accounts"
                )
            account_lists.insert_member(tx, id_, list_id, member_id, edge_id)

        self._storage.transact(work)
        log.info("list_account_added", account_id=id_, list_id=list_id, member_id=member_id)

    def take_off(self, viewer: Viewer, list_id: int, member_id: int) -> None:
        """Take an account off a list; one that is not on it is left alone, whether it exists or not.

        Raises: NotFound when there is no such list.
        """

        def work(tx: Session) -> None:
            begin(tx, viewer.account_id)
            _get(tx, viewer.account_id, list_id)
            account_lists.remove_members(tx, viewer.account_id, list_id, [member_id])

        self._storage.transact(work)

    def members(self, viewer: Viewer, list_id: int, page: Page) -> Slice[Account]:
        """Return a page of whom a list holds, the last added first, followed or not.

        Left out are those that take no part, and that block the viewer or are blocked. Raises: NotFound.
        """
        id_ = viewer.account_id

        def read(tx: Session) -> Slice[Account]:
            _get(tx, id_, list_id)
            cut = pages.cut(account_lists.fetch_members(tx, id_, list_id, page), page, lambda row: row[0])
            known = fetch_active(tx, [member_id for _, member_id in cut.items])
            sight = ties.fetch(tx, id_, sorted(known), (), _now_ms())
            shown = [known[member_id] for _, member_id in cut.items if member_id in known]
            return Slice(
                [one for one in shown if not (sight.to(one.id).blocking or sight.to(one.id).blocked_by)],
                cut.next_before,
                cut.prev_after,
            )

        return self._storage.read(read)

    def timeline(self, viewer: Viewer, list_id: int, page: Page) -> Slice[Item]:
        """Return a page of what those on a list do, by the rules of the home timeline.

        Raises: NotFound.
        """
        id_ = viewer.account_id

        def read(tx: Session) -> Slice[Item]:
            _get(tx, id_, list_id)
            actors = account_lists.fetch_actor_ids(tx, id_, list_id)
            cut = pages.cut(home_rows.fetch(tx, actors, home_rows.Reading(page, _now_ms())), page, _row_id)
            items = self._cards.at_home(tx, cut.items, id_)
            return Slice(items, cut.next_before, cut.prev_after)

        return self._storage.read(read)

    def _gone(self, account_id: int, list_id: int) -> list[int]:
        """Return who is on a full list and is no account any more: nobody sees it there to take it off."""
        held = self._storage.read(lambda tx: account_lists.fetch_member_ids(tx, account_id, list_id))
        if len(held) < MAX_MEMBERS:
            return []
        known = self._storage.read(lambda tx: accounts.fetch(tx, held))
        return [member_id for member_id in held if member_id not in known]


def _get(tx: Session, account_id: int, list_id: int) -> AccountList:
    found = account_lists.find(tx, account_id, list_id)
    if found is None:
        raise NotFound("list")
    return found


def _checked(title: str) -> str:
    """Return a title as it is kept.

    Raises: Invalid.
    """
    cleaned = text.clean(title)
    if errors := rules.check_title(cleaned):
        raise Invalid(*errors)
    return cleaned


def _row_id(entry: Entry) -> int:
    return entry.id


def _now_ms() -> int:
    # only where to look first, and when mutes end: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000
