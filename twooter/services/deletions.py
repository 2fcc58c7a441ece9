"""Deletions: an account disappears at once, and what it wrote goes in bounded steps that survive any crash."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from twooter.domain import events
from twooter.domain import ids as id_rules
from twooter.domain.accounts import State, Viewer
from twooter.domain.events import AccountEvent, DeletionEvent, Envelope
from twooter.domain.grammar import Hashtag
from twooter.domain.pages import Page
from twooter.domain.twoots import Twoot, Visibility
from twooter.errors import NotFound
from twooter.logs import get_logger
from twooter.services.actions import PRIVATE, event_of
from twooter.services.addresses import Addresses
from twooter.services.hashtags import Hashtags
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.partings import Partings
from twooter.services.polls import event_of as vote_event
from twooter.services.twoots import Twoots
from twooter.services.versions import Versions
from twooter.storage import (
    accounts,
    actions,
    claims,
    credentials,
    deletions,
    edits,
    entries,
    muted_threads,
    names,
    networks,
    notifications,
    pins,
    polls,
    remains,
    reports,
    tokens,
    transfers,
    twoots,
    votes,
)
from twooter.storage.database import Session, Storage

log = get_logger("deletions")

STEP_TWOOTS = 200
RUN_SECONDS = 20.0
"""A run ends about this long after it began; the sweep goes on with what is left."""
_SWEPT = 100


class Deletions:
    """Deletes accounts; every step is one transaction, and repeating any of them changes nothing."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        hashtags: Hashtags,
        addresses: Addresses,
        versions: Versions,
        partings: Partings,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._hashtags = hashtags
        self._addresses = addresses
        self._versions = versions
        self._partings = partings

    def request(self, viewer: Viewer, *, request_id: str | None = None) -> None:
        """Hide the viewer's account everywhere and end its tokens, now; the rest follows in the background.

        Raises: NotFound when it is being deleted already.
        """
        id_, now_ms = viewer.account_id, self._ids.now_ms()

        def work(tx: Session) -> bool:
            if not accounts.set_state(tx, id_, State.DELETING, among=(State.ACTIVE, State.SUSPENDED)):
                return False
            tokens.remove_all(tx, id_)
            deletions.insert(tx, id_, now_ms)
            self._outboxes.append(tx, id_, DeletionEvent(id_), request_id=request_id)
            return True

        if not self._outboxes.transact(work):
            raise NotFound("account")
        self._versions.move_all(id_)
        log.info("deletion_requested", account_id=id_)

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Begin with the accounts that events name; may be repeated."""
        until = time.monotonic() + RUN_SECONDS
        for envelope in envelopes:
            if isinstance(envelope.event, DeletionEvent):
                self._run(envelope.event.account_id, until)

    def sweep(self) -> int:
        """Go on with every account whose deletion has begun, as far as time allows; return how many were finished."""
        until, finished, after = time.monotonic() + RUN_SECONDS, 0, 0
        while time.monotonic() < until:
            found = self._storage.read(partial(deletions.fetch, after=after, limit=_SWEPT))
            if not found:
                break
            finished += sum(self._run(account_id, until) for account_id in found)
            after = found[-1]
        return finished

    def step(self, account_id: int) -> bool:
        """Do the next piece of an account's deletion; return whether it is done."""
        found = self._storage.read(
            lambda tx: twoots.fetch_by_author(tx, account_id, Page(limit=STEP_TWOOTS - 1))
        )
        if found:
            self._remove_twoots(account_id, found)
            return False
        if self._take_actions_back(account_id) or self._take_votes_back(account_id):
            return False
        if self._storage.transact(partial(notifications.remove_some, account_id=account_id)):
            return False
        if self._storage.transact(partial(reports.remove_some, account_id=account_id)):
            return False
        if self._storage.transact(partial(transfers.remove_some_of, account_id=account_id)):
            return False
        if not self._partings.step(account_id):
            return False
        self._finish(account_id)
        return True

    def _run(self, account_id: int, until: float) -> bool:
        account = self._storage.read(lambda tx: accounts.find(tx, account_id))
        if account is None or account.state is not State.DELETING:
            return False
        while time.monotonic() < until:
            if self.step(account_id):
                return True
        return False

    def _remove_twoots(self, account_id: int, found: Sequence[Twoot]) -> None:
        tags = {twoot.id: Twoots.tags_of(twoot) for twoot in found}
        ids_by_key = self._tag_ids([tag for some in tags.values() for tag in some])
        due_ms = self._ids.now_ms() + remains.KEPT_MS

        def work(tx: Session) -> int:
            gone: list[int] = []
            polls.leave(tx, account_id, [twoot.id for twoot in found if twoot.has_poll])
            above = twoots.fetch_all_ancestors(
                tx, account_id, [twoot.id for twoot in found if twoot.parent is not None]
            )
            for twoot in found:
                if not twoots.remove(tx, account_id, twoot.id, twoot.version):
                    continue
                gone.append(twoot.id)
                edits.remove(tx, account_id, twoot.id)
                tag_ids = tuple(ids_by_key[tag.key] for tag in tags[twoot.id])
                entries.remove(tx, twoot.id, tag_ids)
                gone_now = events.gone(replace(twoot, ancestors=above.get(twoot.id, ())), tag_ids)
                self._outboxes.append(tx, account_id, gone_now, request_id=None)
            remains.note(tx, account_id, gone, due_ms)
            accounts.move_twoots(tx, account_id, -len(gone))
            return len(gone)

        count = self._outboxes.transact(work)
        log.info("deletion_went_on", account_id=account_id, twoots=count)

    def _take_actions_back(self, account_id: int) -> int:
        """Take some of what an account did with twoots back, and tell others; return how much it was."""

        def work(tx: Session) -> int:
            found = actions.fetch_some(tx, account_id, STEP_TWOOTS)
            ends = [
                event_of(replace(action, version=action.version + 1, active=False), Visibility.PUBLIC)
                for action in found
                if action.active and action.kind not in PRIVATE
            ]
            self._outboxes.append_many(tx, account_id, ends)
            actions.remove(tx, account_id, found)
            return len(found)

        return self._outboxes.transact(work)

    def _take_votes_back(self, account_id: int) -> int:
        """Take some of an account's votes back, and tell their polls; return how many there were."""

        def work(tx: Session) -> int:
            found = votes.fetch_some(tx, account_id, STEP_TWOOTS)
            ends = [vote_event(replace(vote, version=vote.version + 1, active=False)) for vote in found]
            self._outboxes.append_many(tx, account_id, ends)
            votes.remove(tx, [account_id], [vote.twoot_id for vote in found])
            return len(found)

        return self._outboxes.transact(work)

    def _tag_ids(self, tags: Sequence[Hashtag]) -> dict[str, int]:
        unique = list({tag.key: tag for tag in tags}.values())
        return dict(zip([tag.key for tag in unique], self._hashtags.ensure_ids(unique), strict=True))

    def _finish(self, account_id: int) -> None:
        """Give the address back, then remove the account; its username stays claimed, so that nobody takes it up."""
        found = self._storage.read(lambda tx: credentials.find(tx, account_id))
        if found is not None:
            hmac, username = self._addresses.hmac(found.email), found.username
            self._storage.transact(lambda tx: claims.release_email(tx, hmac, account_id))
            self._storage.transact(lambda tx: claims.settle_username(tx, username, account_id))
        gone = AccountEvent(-1, account_id, id_rules.time_ms(account_id))

        def work(tx: Session) -> bool:
            if not deletions.remove(tx, account_id):
                return False
            tokens.remove_all(tx, account_id)
            networks.remove_all(tx, account_id)
            deletions.forget_keys(tx, account_id)
            pins.remove_all(tx, account_id)
            notifications.remove_mark(tx, account_id)
            muted_threads.remove_all(tx, account_id)
            credentials.remove(tx, account_id)
            accounts.remove(tx, account_id)
            names.remove(tx, account_id)
            self._outboxes.append(tx, account_id, gone, request_id=None)
            return True

        if self._outboxes.transact(work):
            log.info("account_deleted", account_id=account_id)
