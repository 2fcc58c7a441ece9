"""Crossings: rows whose sums an upsert has just brought from zero to above, or back; told from what they are now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Question, Statement

_STEP = 5_000
"""Rows that one statement writes: those of a batch, for each statement's answer is waited for."""
_ASKED = 1_000
"""Rows that one statement asks for: MySQL makes no plan by key for too many."""
_AT_ONCE = 20
"""Statements of one packet: no server refuses one of so many bytes."""
_ANY = 2**62
Numbers = tuple[int, ...]
Part = tuple[Numbers, list[Numbers]]
"""By how much the sums of some rows have moved, and their keys."""


def add(tx: Session, insert: Insert, rows: Sequence[Numbers]) -> bool:
    """Add rows of numbers; return whether most of them are new, which is a guess.

    MySQL counts a new row once and a changed one twice. The rows stay locked from here to the commit, so what is read
    of them later tells what was there before.
    """
    return tx.insert(insert, rows, step=_STEP) < 1.5 * len(rows)


def parts(rows: Sequence[Numbers], columns: int) -> list[Part]:
    """Return rows by what they move by, for by that they are asked for; the first `columns` of each are its key."""
    found: defaultdict[Numbers, list[Numbers]] = defaultdict(list)
    for row in rows:
        found[row[columns:]].append(row[:columns])
    return [
        (moved, keys[at : at + _ASKED])
        for moved, keys in sorted(found.items())
        for at in range(0, len(keys), _ASKED)
    ]


def ask(
    tx: Session, statement: Statement, asked: Sequence[Part], bounds: Callable[[Numbers], Mapping[str, int]]
) -> list[tuple[Part, list[Row]]]:
    """Return each part with what a statement finds of it within the bounds; on MySQL's kind in one packet."""
    questions = [Question(statement, {"keys": keys, **bounds(moved)}, list) for moved, keys in asked]
    packets = (questions[at : at + _AT_ONCE] for at in range(0, len(questions), _AT_ONCE))
    return list(zip(asked, (rows for packet in packets for rows in tx.ask(packet)), strict=True))


def bounds(moved: Numbers, *, outside: bool) -> dict[str, int]:
    """Return between which values the one sum of a row is now if it crossed zero when it moved."""
    low, high = between(moved[0], outside=outside)
    return {"low": low, "high": high}


def between(by: int, *, outside: bool) -> tuple[int, int]:
    """Return between which values a sum is now if it crossed zero when it moved; what did not move is not asked for."""
    if by > 0:
        return 1, by
    if by < 0:
        return by + 1, 0
    return (-_ANY, _ANY) if outside else (1, 0)


def crossed(now: int, by: int) -> int:
    """Return 1 where a sum came from zero or below, -1 where it went there, and else 0."""
    return (now > 0) - (now - by > 0)


def sign(by: int) -> int:
    """Return 1, 0 or -1."""
    return (by > 0) - (by < 0)
