"""Suggestions: accounts followed by those one follows, computed in rounds over all accounts, piece by piece."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain.accounts import Account, Viewer
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.domain.relationships import Relationship
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outcomes import Outcomes
from twooter.services.people import fetch_active
from twooter.storage import follows, outcomes, relationships, suggestions
from twooter.storage.database import Session, Storage
from twooter.storage.follows import FOLLOWING
from twooter.storage.suggestions import Suggestion

log = get_logger("suggestions")

MAX_SUGGESTIONS = 40
ROUND_MS = 600_000
"""A round begins at most this often."""
RUN_SECONDS = 20.0
_SAMPLED, _EACH = 30, 100
"""Of how many that one follows, the newest, how many that each of these follows are counted."""
_STEP, _ACCOUNTS = 100, 200
_NAME = "suggestions"


@dataclass(frozen=True, slots=True)
class Suggested:
    """An account that the viewer might follow, and how many of those it follows do."""

    account: Account
    followed_by: int


class Suggestions:
    """Reads suggestions, and computes them."""

    def __init__(self, storage: Storage, ids: Ids, noted: Outcomes) -> None:
        self._storage = storage
        self._ids = ids
        self._noted = noted

    def fetch(self, viewer: Viewer, limit: int) -> list[Suggested]:
        """Return whom the viewer might follow, best first; three queries.

        Whoever it has followed, asked, blocked or muted since, or is blocked by, is left out.
        """

        def read(tx: Session) -> list[Suggested]:
            found = suggestions.fetch(tx, viewer.account_id)
            known = _possible(tx, viewer.account_id, [one.target_id for one in found])
            shown = [
                Suggested(known[one.target_id], one.followed_by) for one in found if one.target_id in known
            ]
            return shown[:limit]

        return self._storage.read(read)

    def compute(self, *, max_seconds: float = RUN_SECONDS) -> int:
        """Compute the suggestions of as many accounts as time allows, where the last run ended; return how many.

        When all accounts have had theirs, nothing is done until the next round may begin.
        """
        begun, now_ms, count = time.monotonic(), self._ids.now_ms(), 0
        after, round_ms = self._place(now_ms)
        while after is not None:
            page = self._storage.read(lambda tx, at=after: suggestions.fetch_accounts(tx, at, _ACCOUNTS))  # type: ignore[misc]  # run at once
            chosen = [id_ for id_, follows_some in page if follows_some]
            for id_ in chosen:
                self.compute_for(id_)
            count += len(chosen)
            after = page[-1][0] if len(page) == _ACCOUNTS else None
            if time.monotonic() - begun >= max_seconds:
                break
        seconds = time.monotonic() - begun
        detail = {"after": after, "round_ms": round_ms}
        self._noted.record(_NAME, succeeded=True, seconds=seconds, detail=detail)
        log.info("suggestions_computed", accounts=count, seconds=round(seconds, 3))
        return count

    def compute_for(self, account_id: int) -> None:
        """Compute one account's suggestions, from at most 3,000 follows; written only where they have changed."""
        old, new = self._storage.read(
            lambda tx: (suggestions.fetch(tx, account_id), _choose(tx, account_id, _votes(tx, account_id)))
        )
        if old != new:
            now_ms = self._ids.now_ms()
            self._storage.transact(lambda tx: suggestions.put(tx, account_id, new, now_ms))

    def _place(self, now_ms: int) -> tuple[int | None, int]:
        """Return after which account to go on, None for a round that is over, and when the round began."""
        noted = self._storage.read(outcomes.fetch).get(_NAME)
        after, round_ms = (None, 0) if noted is None else (noted.detail["after"], noted.detail["round_ms"])
        if after is None and now_ms - round_ms >= ROUND_MS:
            return 0, now_ms
        return after, round_ms


def _votes(tx: Session, account_id: int) -> list[Suggestion]:
    """Return accounts by how many of those that an account follows follow them, most first."""
    followed = follows.fetch(tx, FOLLOWING, account_id, State.ACTIVE, Page(_SAMPLED))[:_SAMPLED]
    votes: Counter[int] = Counter()
    for follow in followed:
        theirs = follows.fetch(tx, FOLLOWING, follow.target_id, State.ACTIVE, Page(_EACH))
        votes.update(one.target_id for one in theirs[:_EACH])
    del votes[account_id]
    ordered = sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))
    return [Suggestion(*vote) for vote in ordered]


def _choose(tx: Session, account_id: int, votes: Sequence[Suggestion]) -> list[Suggestion]:
    """Return the best of those that an account might follow."""
    chosen: list[Suggestion] = []
    for at in range(0, len(votes), _STEP):
        part = votes[at : at + _STEP]
        known = _possible(tx, account_id, [one.target_id for one in part])
        chosen += [one for one in part if one.target_id in known]
        if len(chosen) >= MAX_SUGGESTIONS:
            break
    return chosen[:MAX_SUGGESTIONS]


def _possible(tx: Session, account_id: int, ids: Sequence[int]) -> dict[int, Account]:
    """Return those of some accounts that one might follow, silenced ones not among them; two queries."""
    known = {id_: account for id_, account in fetch_active(tx, ids).items() if not account.silenced}
    standing = relationships.fetch(tx, account_id, list(known), time.time_ns() // 1_000_000)
    return {
        id_: account
        for id_, account in known.items()
        if id_ not in standing.blocked_by and not _is_settled(standing.relationships[id_])
    }


def _is_settled(known: Relationship) -> bool:
    return known.following or known.requested or known.blocking or known.muting
