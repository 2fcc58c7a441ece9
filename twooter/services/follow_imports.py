"""Imports of follows: lists of names whose accounts somebody wants to follow, worked through by the ordinary way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import orjson

from twooter.domain import follow_lists, pages
from twooter.domain.accounts import Account, Viewer
from twooter.domain.accounts import State as AccountState
from twooter.domain.follows import Follow
from twooter.domain.graph import State as FollowState
from twooter.domain.pages import Page, Slice
from twooter.domain.transfers import MAX_LINES, Kind, Line, Outcome, State, Transfer
from twooter.errors import Conflict, NotFound
from twooter.logs import get_logger
from twooter.services.follows import Follows
from twooter.services.transfers import Transfers
from twooter.storage import accounts, claims, transfers
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("follow_imports")

STEP_LINES = 50
"""Lines of a part, and of a step."""
_LINES, _OUTCOMES = "lines", "outcomes"
_REFUSED = {"blocking": Outcome.BLOCKED, "too_many": Outcome.TOO_MANY}


class FollowImports:
    """Takes lists and works through them; what is there is left as it is, so that any step may be taken twice."""

    def __init__(self, storage: Storage, follows: Follows, begun: Transfers, *, public_url: str) -> None:
        self._storage = storage
        self._follows = follows
        self._begun = begun
        self._hosts = follow_lists.hosts_of(public_url)

    def request(
        self,
        viewer: Viewer,
        names: Sequence[str],
        *,
        idempotency_key: Idempotency | None = None,
        request_id: str | None = None,
    ) -> Transfer:
        """Have the accounts of some names followed, at most `MAX_LINES`; while an import is running, return that one.

        A name may have an `@` before it, and behind it one with where Twooter is.

        Raises: Invalid for a key used for another request; NotFound when the key's import has expired.
        """
        lines = _lines(names, self._hosts)
        counts = Counter(line.outcome.value for line in lines if line.outcome is not None)
        asked = replace(
            self._begun.new(viewer, Kind.FOLLOWS), position={_LINES: len(lines), _OUTCOMES: dict(counts)}
        )

        def write(tx: Session) -> None:
            for at in range(0, len(lines), STEP_LINES):
                transfers.insert_part(tx, asked, at + 1, _packed(lines[at : at + STEP_LINES]))

        return self._begun.start(asked, write, idempotency_key=idempotency_key, request_id=request_id)

    def fetch(self, viewer: Viewer, page: Page) -> Slice[Transfer]:
        """Return a page of the viewer's imports, the newest first."""
        return self._begun.fetch(viewer, Kind.FOLLOWS, page)

    def get(self, viewer: Viewer, id_: int) -> Transfer:
        """Return one of the viewer's imports.

        Raises: NotFound when there is none, or it has expired.
        """
        return self._begun.get(viewer, Kind.FOLLOWS, id_)

    def remove(self, viewer: Viewer, id_: int, *, request_id: str | None = None) -> None:
        """Forget one of the viewer's imports; one that is running stops, and what it has done stays. May be repeated.

        Raises: NotFound when there is none.
        """
        self._begun.remove(viewer, Kind.FOLLOWS, id_, request_id=request_id)

    def lines(self, viewer: Viewer, id_: int, page: Page) -> Slice[Line]:
        """Return a page of an import's lines, in their order, each with what has become of it; two queries.

        Raises: NotFound when there is no such import, or it has expired.
        """
        transfer = self.get(viewer, id_)
        numbers = _numbers(page, total_of(transfer))
        starts = sorted({_start(number) for number in numbers})
        parts = self._storage.read(lambda tx: transfers.fetch_parts(tx, transfer, starts))
        known = {line.number: line for start, data in parts.items() for line in _unpacked(start, data)}
        return pages.cut([known[number] for number in numbers if number in known], page, _place)

    def step(self, transfer: Transfer) -> bool:
        """Follow the accounts of the next lines; return False when somebody else has, or nobody may any more."""
        start = transfer.items + 1
        account = self._storage.read(lambda tx: accounts.find(tx, transfer.account_id))
        if account is None or account.state is not AccountState.ACTIVE:
            return False
        part = self._storage.read(lambda tx: transfers.fetch_parts(tx, transfer, [start]))
        before = _unpacked(start, part[start]) if start in part else []
        lines = self._work(transfer, _viewer(account), before)
        outcomes = Counter(transfer.position[_OUTCOMES])
        outcomes.update(
            new.outcome.value
            for old, new in zip(before, lines, strict=True)
            if old.outcome is None and new.outcome is not None
        )
        position = {**transfer.position, _OUTCOMES: dict(outcomes)}
        after = replace(transfer, items=transfer.items + len(lines), position=position)
        is_last = after.items >= total_of(transfer) or not lines
        after = self._begun.ended(after, State.DONE) if is_last else after
        packed = _packed(lines)
        if not self._begun.advance(
            transfer, after, lambda tx: transfers.set_part(tx, transfer, start, packed)
        ):
            return False
        if is_last:
            log.info(
                "follows_imported", account_id=account.id, transfer_id=transfer.id, outcomes=dict(outcomes)
            )
        return True

    def _work(self, transfer: Transfer, viewer: Viewer, lines: Sequence[Line]) -> list[Line]:
        """Return lines with what has become of each."""
        names = [line.username for line in lines if line.outcome is None]
        ids = self._storage.read(lambda tx: claims.fetch_by_usernames(tx, names)) if names else {}
        return [
            line
            if line.outcome is not None
            else replace(line, outcome=self._follow(transfer, viewer, ids.get(line.username)))
            for line in lines
        ]

    def _follow(self, transfer: Transfer, viewer: Viewer, target_id: int | None) -> Outcome:
        if target_id is None:
            return Outcome.NOT_FOUND
        if target_id == viewer.account_id:
            return Outcome.ONESELF
        known = self._follows.known(viewer.account_id, target_id)
        # one that is younger than the import was made by it, or since: by a step that died, and its end stands
        if known is not None and (known.state is FollowState.ACTIVE or known.edge_id > transfer.id):
            return _outcome(known, transfer)
        try:
            self._follows.follow(viewer, target_id)
        except NotFound:
            return Outcome.NOT_FOUND
        except Conflict as ex:
            return _REFUSED[ex.code]
        made = self._follows.known(viewer.account_id, target_id)
        return Outcome.FOLLOWED if made is None else _outcome(made, transfer)


def total_of(transfer: Transfer) -> int:
    """Return how many lines an import has."""
    total: int = transfer.position[_LINES]
    return total


def outcomes_of(transfer: Transfer) -> dict[Outcome, int]:
    """Return what has become of how many lines so far."""
    return {Outcome(name): count for name, count in transfer.position[_OUTCOMES].items()}


def _outcome(follow: Follow, transfer: Transfer) -> Outcome:
    if follow.edge_id < transfer.id:
        return Outcome.ALREADY
    return Outcome.REQUESTED if follow.state is FollowState.REQUESTED else Outcome.FOLLOWED


def _lines(names: Sequence[str], hosts: Collection[str]) -> list[Line]:
    """Return the lines of a list, those with an outcome already that name nobody here, or somebody again."""
    lines, seen = [], set[str]()
    for number, name in enumerate(names, 1):
        line = follow_lists.line_of(number, name, hosts)
        if line.outcome is None and line.username in seen:
            line = replace(line, outcome=Outcome.REPEATED)
        elif line.outcome is None:
            seen.add(line.username)
        lines.append(line)
    return lines


def _packed(lines: Sequence[Line]) -> bytes:
    return orjson.dumps([[line.username, line.outcome] for line in lines])


def _unpacked(start: int, data: bytes) -> list[Line]:
    return [
        Line(number, username, None if outcome is None else Outcome(outcome))
        for number, (username, outcome) in enumerate(orjson.loads(data), start)
    ]


def _place(line: Line) -> int:
    """Return what lines are ordered by as lists are, which go from the greatest to the least."""
    return MAX_LINES + 1 - line.number


def _numbers(page: Page, total: int) -> Sequence[int]:
    """Return the lines of a page in reading order, and one more."""
    if page.after is not None:
        last = min(total, MAX_LINES - page.after)
        return range(last, max(0, last - page.limit - 1), -1)
    first = 1 if page.before is None else max(1, MAX_LINES + 2 - page.before)
    return range(first, min(total, first + page.limit) + 1)


def _start(number: int) -> int:
    return (number - 1) // STEP_LINES * STEP_LINES + 1


def _viewer(account: Account) -> Viewer:
    """Return an account as the one who asks: its token has proved it, and may have ended since."""
    return Viewer(
        account.id,
        account.username,
        account.role,
        0,
        email_confirmed=True,
        display_name=account.display_name,
        version=account.version,
        protected=account.protected,
    )
