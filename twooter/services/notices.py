"""Notices: makes notifications of events, at the accounts that they concern."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from twooter.domain import graph
from twooter.domain.accounts import Account, Author, State
from twooter.domain.events import Envelope
from twooter.domain.graph import STRANGERS, Ties
from twooter.domain.notifications import Key, Kind, Notice, notices_of, removed_twoot_of
from twooter.domain.twoots import Twoot
from twooter.services.ids import Ids
from twooter.services.streams import Streams
from twooter.storage import accounts, muted_threads, notifications, ties, twoots
from twooter.storage.database import Session, Storage

T = TypeVar("T")
Place = tuple[int, ...]
"""What is decided together; its account comes first."""
_STEP = 250
_STEP_GONE = 50


class Notices:
    """Applies what events say of notifications: a few statements for every 250 of them.

    Where the database is sharded, a transaction is of one account.
    """

    def __init__(
        self, storage: Storage, ids: Ids, *, is_sharded: bool = False, streams: Streams | None = None
    ) -> None:
        self._streams = Streams(storage, None) if streams is None else streams
        self._storage = storage
        self._ids = ids
        self._is_sharded = is_sharded

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Bring the accounts' notifications to what the events say; may be repeated in any order."""
        newest: dict[Key, Notice] = {}
        gone: set[tuple[int, int]] = set()
        for envelope in envelopes:
            for notice in notices_of(envelope.event):
                if notice.key not in newest or notice.version > newest[notice.key].version:
                    newest[notice.key] = notice
            if (removed := removed_twoot_of(envelope.event)) is not None:
                gone.add(removed)
        for notices in _steps(list(newest.values()), _place, size=_STEP):
            self._apply(notices)
        for places in _steps(sorted(gone), tuple, size=_STEP_GONE):
            for some in self._transactions(places, tuple):
                while self._storage.transact(partial(notifications.remove_of_twoots, twoots=some)):
                    pass

    def _apply(self, notices: Sequence[Notice]) -> None:
        now_ms = self._ids.now_ms()  # the ids' lease is a transaction of its own: it is taken before
        known = self._storage.read(lambda tx: _known(tx, notices, now_ms))
        decided = [
            replace(notice, active=notice.active and known.lets(notice))
            for notice in notices
            if known.has(notice.key.account_id)
        ]
        for some in self._transactions(decided, _place):
            self._storage.transact(partial(notifications.apply, notices=some, make_id=self._ids.make))
        self._streams.tell_of_notifications(notice.key for notice in decided if notice.active)

    def _transactions(self, items: Sequence[T], place_of: Callable[[T], Place]) -> list[list[T]]:
        """Return what one transaction each may change, in its order."""
        groups: defaultdict[int, list[T]] = defaultdict(list)
        for item in items:
            groups[place_of(item)[0] if self._is_sharded else 0].append(item)
        return list(groups.values())


def _steps(items: Sequence[T], place_of: Callable[[T], Place], *, size: int) -> Iterator[Sequence[T]]:
    """Return pieces of about a size, without parting what has one place."""
    at = 0
    while at < len(items):
        end = at + size
        while end < len(items) and place_of(items[end]) == place_of(items[end - 1]):
            end += 1
        yield items[at:end]
        at = end


def _place(notice: Notice) -> Place:
    return notice.key.place


@dataclass(frozen=True, slots=True)
class _Known:
    """What decides about notices."""

    people: Mapping[int, Account]
    twoots: Mapping[int, Twoot]
    ties: Mapping[tuple[int, int], Ties]
    muted: set[tuple[int, int]]

    def has(self, account_id: int) -> bool:
        """Return whether there is an account to tell."""
        account = self.people.get(account_id)
        return account is not None and account.state is not State.DELETING

    def lets(self, notice: Notice) -> bool:
        """Return whether an account is told: of its own scheduled twoots always, not of whom it mutes or a block is
        between, nor what it may not see; of silenced ones it hears if it follows them.
        """
        if notice.key.of_scheduled:
            return True
        account_id, _, twoot_id, actor_id = notice.key
        account, actor = self.people.get(account_id), self.people.get(actor_id)
        if account is None or actor is None or {account.state, actor.state} != {State.ACTIVE}:
            return False
        bond = self.ties.get((account_id, actor_id), STRANGERS)
        if bond.muting or bond.blocking or bond.blocked_by or not graph.is_listed(actor, account_id, bond):
            return False
        return not twoot_id or self._lets_twoot(notice, bond)

    def _lets_twoot(self, notice: Notice, bond: Ties) -> bool:
        account_id, kind, twoot_id, actor_id = notice.key
        twoot = self.twoots.get(twoot_id)
        if twoot is None or any((account_id, root_id) in self.muted for root_id in self.roots_of(notice)):
            return False
        if kind is Kind.MENTION and not mentions(twoot, account_id):
            return False
        return kind.of_own_twoot or graph.may_see(twoot, _author(self.people[actor_id]), account_id, bond)

    def roots_of(self, notice: Notice) -> list[int]:
        """Return the conversations that a notice is of: its twoot's, and that of the receiver's twoot it quotes."""
        found = (self.twoots.get(id_) for id_ in (notice.key.twoot_id, notice.quoted_id))
        return [twoot.root_id or twoot.id for twoot in found if twoot is not None]


def mentions(twoot: Twoot, account_id: int) -> bool:
    """Return whether a twoot still mentions an account, and does not speak to it as a reply or a quote."""
    spoken_to = {ref.author_id for ref in (twoot.parent, twoot.quote) if ref is not None}
    return account_id in twoot.mention_ids and account_id not in spoken_to


def _known(tx: Session, notices: Sequence[Notice], now_ms: int) -> _Known:
    """Read what decides; four queries at most."""
    wanted = [notice for notice in notices if notice.active and not notice.key.of_scheduled]
    keys = {(notice.key.twoot_author_id, notice.key.twoot_id) for notice in wanted if notice.key.twoot_id}
    keys |= {(notice.key.account_id, notice.quoted_id) for notice in wanted if notice.quoted_id}
    account_ids = {id_ for notice in notices for id_ in (notice.key.account_id, notice.key.actor_id)}
    pairs = {(notice.key.account_id, notice.key.actor_id) for notice in wanted}
    known = _Known(
        accounts.fetch(tx, sorted(account_ids)),
        twoots.fetch(tx, sorted(keys)),
        ties.between(tx, sorted(pairs), now_ms),
        set(),
    )
    places = {(notice.key.account_id, root_id) for notice in wanted for root_id in known.roots_of(notice)}
    return replace(known, muted=muted_threads.fetch(tx, sorted(places)))


def _author(account: Account) -> Author:
    return Author(account.id, account.username, account.display_name, account.version, account.protected)
