"""People: lists of accounts as somebody sees them, by a fixed number of queries; the newest first."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twooter.domain import graph, pages
from twooter.domain.accounts import Account, Author, State, Viewer
from twooter.domain.follows import Follow
from twooter.domain.graph import STRANGERS
from twooter.domain.pages import Page, Slice
from twooter.errors import NotFound
from twooter.storage import accounts, blocks, follows, mutes, ties
from twooter.storage.database import Session, Storage
from twooter.storage.follows import FOLLOWERS, FOLLOWING, Side


@dataclass(frozen=True, slots=True)
class Muted:
    """A muted account, and until when; None is without an end."""

    account: Account
    until_ms: int | None


class People:
    """Reads pages of accounts; those that the viewer may not see are left out as if they were not there."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def followers(self, account_id: int, page: Page, viewer: Viewer | None) -> Slice[Account]:
        """Return a page of who follows an account.

        Raises: NotFound when there is no such account, or the viewer may not see what it does.
        """
        return self._storage.read(lambda tx: self._of_account(tx, FOLLOWERS, account_id, page, viewer))

    def following(self, account_id: int, page: Page, viewer: Viewer | None) -> Slice[Account]:
        """Return a page of whom an account follows.

        Raises: NotFound when there is no such account, or the viewer may not see what it does.
        """
        return self._storage.read(lambda tx: self._of_account(tx, FOLLOWING, account_id, page, viewer))

    def requests(self, viewer: Viewer, page: Page) -> Slice[Account]:
        """Return a page of who asks to follow the viewer."""

        def read(tx: Session) -> Slice[Account]:
            found = follows.fetch(tx, FOLLOWERS, viewer.account_id, graph.State.REQUESTED, page)
            cut = pages.cut(found, page, _edge_id)
            known = fetch_active(tx, [follow.follower_id for follow in cut.items])
            return _slice([f.follower_id for f in cut.items], known, cut)

        return self._storage.read(read)

    def blocked(self, viewer: Viewer, page: Page) -> Slice[Account]:
        """Return a page of whom the viewer blocks."""

        def read(tx: Session) -> Slice[Account]:
            cut = pages.cut(blocks.fetch(tx, viewer.account_id, page), page, lambda row: row[0])
            ids = [id_ for _, id_ in cut.items]
            return _slice(ids, fetch_active(tx, ids), cut)

        return self._storage.read(read)

    def muted(self, viewer: Viewer, page: Page) -> Slice[Muted]:
        """Return a page of whom the viewer mutes now."""

        def read(tx: Session) -> Slice[Muted]:
            cut = pages.cut(mutes.fetch(tx, viewer.account_id, page), page, lambda row: row[0])
            held = [row[1:] for row in cut.items if row[2] is None or row[2] > _now_ms()]
            known = fetch_active(tx, [id_ for id_, _ in held])
            shown = [Muted(known[id_], until_ms) for id_, until_ms in held if id_ in known]
            return Slice(shown, cut.next_before, cut.prev_after)

        return self._storage.read(read)

    def _of_account(
        self, tx: Session, side: Side, account_id: int, page: Page, viewer: Viewer | None
    ) -> Slice[Account]:
        viewer_id = None if viewer is None else viewer.account_id
        check_may_see(tx, account_id, viewer_id)
        cut = pages.cut(follows.fetch(tx, side, account_id, graph.State.ACTIVE, page), page, _edge_id)
        ids = [follow.follower_id if side.is_targets else follow.target_id for follow in cut.items]
        # one's own lists are whole: a protected follower is no secret to whom it follows
        seen = fetch_active(tx, ids) if viewer_id == account_id else fetch_seen(tx, ids, viewer_id)
        return _slice(ids, seen, cut)


def check_may_see(tx: Session, account_id: int, viewer_id: int | None) -> None:
    """Do nothing for who may see what an account does for everybody; one or two queries.

    Raises: NotFound when there is no such account, or it is protected or blocked and not for this viewer.
    """
    author = accounts.fetch_authors(tx, [account_id]).get(account_id)
    if author is None or account_id not in _seen(tx, {account_id: author}, viewer_id):
        raise NotFound("account")


def fetch_active(tx: Session, ids: Sequence[int]) -> dict[int, Account]:
    """Return by id the accounts that take part; one query."""
    return {id_: found for id_, found in accounts.fetch(tx, ids).items() if found.state is State.ACTIVE}


def fetch_seen(tx: Session, ids: Sequence[int], viewer_id: int | None) -> dict[int, Account]:
    """Return by id the accounts that take part and whose doings somebody may see; two queries."""
    known = fetch_active(tx, ids)
    return {id_: known[id_] for id_ in _seen(tx, known, viewer_id)}


def _seen(tx: Session, known: Mapping[int, Account | Author], viewer_id: int | None) -> list[int]:
    sight = None if viewer_id is None else ties.fetch(tx, viewer_id, sorted(known), (), _now_ms())
    return [
        id_
        for id_, account in known.items()
        if graph.may_see_account(account, viewer_id, STRANGERS if sight is None else sight.to(id_))
    ]


def _slice(ids: Sequence[int], known: Mapping[int, Account], cut: Slice[object]) -> Slice[Account]:
    return Slice([known[id_] for id_ in ids if id_ in known], cut.next_before, cut.prev_after)


def _edge_id(follow: Follow) -> int:
    return follow.edge_id


def _now_ms() -> int:
    """Return the time: only mutes have an end, so it need not be a clock that all processes share."""
    return time.time_ns() // 1_000_000
