"""Looks: all that a page's rows show, by one round trip where this process has met what they lead to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twooter.domain.accounts import Author
from twooter.domain.twoots import Ref, Row, Twoot
from twooter.services.guesses import Guesses, Met
from twooter.services.shown import NOBODYS
from twooter.storage import accounts, ties, twoots
from twooter.storage.database import Session
from twooter.storage.statements import Question
from twooter.storage.ties import Sight


@dataclass(frozen=True, slots=True)
class Look:
    """What was read for a page; `retwooted` by ids of rows what is still passed on, where that was asked."""

    found: dict[int, Twoot]
    authors: dict[int, Author]
    sight: Sight
    retwooted: dict[int, Ref] | None

    def and_of(self, other: Look) -> Look:
        """Return this and what was read later for it."""
        found, authors = {**self.found, **other.found}, {**self.authors, **other.authors}
        return Look(found, authors, self.sight.and_of(other.sight), self.retwooted)


class Looks:
    """Reads what rows show, by what was met before; whoever shows it decides what of it is seen."""

    def __init__(self, guesses: Guesses) -> None:
        self._guesses = guesses

    def at(
        self,
        tx: Session,
        rows: Sequence[Row],
        viewer_id: int | None,
        *,
        home: bool,
        still: Question[dict[int, Ref]] | None,
    ) -> Look:
        """Read what rows show; what they quote with them where it was met before, else with a second round trip.

        Who is approved is asked where something was not for everybody when it was met, or turns out not to be.
        """
        if not rows:
            return Look({}, {}, NOBODYS, None)
        refs = [row.twoot for row in rows]
        refs += self._guesses.quotes(refs)
        by_ids = {row.by_id for row in rows if row.id != row.twoot.id}
        way = ties.Way.of(home=home, is_open=self._guesses.is_open(refs, by_ids))
        look = self._ask(tx, refs, by_ids, viewer_id, way, [] if still is None else [still])
        found = look.found
        quoting = (found[row.twoot.id] for row in rows if row.twoot.id in found)
        known = {ref.id for ref in refs}
        quotes = [it.quote for it in quoting if it.quote is not None and it.quote.id not in known]
        if quotes:
            look = look.and_of(self._ask(tx, quotes, set(), viewer_id, way, []))
        is_open = self._guesses.learn(rows, look.found, look.authors)
        if viewer_id is not None and way.is_open and not is_open:
            ids_ = sorted(look.found)
            sight = ties.fetch(tx, viewer_id, sorted(look.authors), ids_, now_ms())
            look = replace(look, sight=sight)
        return look

    def _ask(
        self,
        tx: Session,
        refs: Sequence[Ref],
        by_ids: set[int],
        viewer_id: int | None,
        way: ties.Way,
        also: Sequence[Question[Any]],
    ) -> Look:
        """Read twoots, the active ones of their authors and of other accounts, and how the viewer stands to all.

        One round trip, and another one where something that was met has another version by now.
        """
        met = self._guesses.met(refs)
        new = [ref for ref in refs if ref.id not in met] if len(met) < len(refs) else []
        asked_ids = by_ids.union([ref.author_id for ref in new])
        asked = _in_full(new, asked_ids)
        if met:
            asked.append(twoots.moving([(author.id, id_) for id_, (_, author) in met.items()]))
        if viewer_id is not None:
            author_ids = sorted(by_ids.union([ref.author_id for ref in refs]))
            asked.append(ties.sight(viewer_id, author_ids, sorted({ref.id for ref in refs}), now_ms(), way))
        answers = tx.ask([*asked, *also])
        retwooted = answers.pop() if also else None
        sight = NOBODYS if viewer_id is None else answers.pop()
        moved = answers.pop() if met else []
        found, authors = (answers.pop() if new else {}), (answers.pop() if asked_ids else {})
        changed = _apply(met, moved, found, authors)
        if changed:
            people, again = tx.ask(_in_full(changed, {ref.author_id for ref in changed}))
            found, authors = {**found, **again}, {**authors, **people}
        self._guesses.remember(found, authors)
        return Look(found, authors, sight, retwooted)


def _in_full(refs: Sequence[Ref], account_ids: Iterable[int]) -> list[Question[Any]]:
    """Ask for accounts and twoots, as far as there are some."""
    asked: list[Question[Any]] = []
    if ids_ := sorted(account_ids):
        asked.append(accounts.authors(ids_))
    if refs:
        asked.append(twoots.by_keys([(ref.author_id, ref.id) for ref in refs]))
    return asked


def _apply(
    met: Mapping[int, Met],
    moved: Iterable[twoots.Moving],
    found: dict[int, Twoot],
    authors: dict[int, Author],
) -> list[Ref]:
    """Add what was met and has the version it had, as it is now; return what has another one."""
    changed = []
    for it in moved:
        twoot, author = met[it.id]
        if it.version == twoot.version and it.author_version == author.version:
            found[it.id] = it.of(twoot)
            authors.setdefault(author.id, author)
        else:
            changed.append(Ref(it.id, author.id))
    return changed


def now_ms() -> int:
    """Return the process's time: only mutes and polls have an end, so it need not be a clock that all share."""
    return time.time_ns() // 1_000_000
