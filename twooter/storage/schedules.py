"""Claims of periodic tasks: the first to insert a task's slot of time runs it, and a fence for what only one may do."""

from __future__ import annotations

from peewee import fn

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import ScheduleClaims

_TASKS, _BEHIND_TASKS = "twooter.", "twooter/"  # what begins with the first; fences have other names

_insert = Insert("schedule_claim", ScheduleClaims, ("task", "slot_ms"), duplicate="ignore")
_newest = Statement(
    "schedule_newest",
    lambda: (
        ScheduleClaims.select(ScheduleClaims.slot_ms)
        .where(ScheduleClaims.task == p("task"))
        .order_by(ScheduleClaims.slot_ms.desc())
        .limit(1)
    ),
    lock="FOR UPDATE",
)
_newest_slots = Statement(
    "schedule_newest_slots",
    lambda: (
        ScheduleClaims.select(ScheduleClaims.task, fn.MAX(ScheduleClaims.slot_ms))
        .where((ScheduleClaims.task >= _TASKS) & (ScheduleClaims.task < _BEHIND_TASKS))
        .group_by(ScheduleClaims.task)
    ),
)
_forget = Statement(
    "schedule_forget",
    lambda: ScheduleClaims.delete().where(
        (ScheduleClaims.task == p("task")) & (ScheduleClaims.slot_ms < p("below"))
    ),
)


def claim(tx: Session, task: str, slot_ms: int) -> bool:
    """Claim a slot of a task; return False when somebody else has."""
    return tx.insert(_insert, [(task, slot_ms)]) == 1


def fetch_newest_slots(tx: Session) -> dict[str, int]:
    """Return by periodic task the start of the newest slot that was claimed; claims are kept for a day."""
    return dict(tx.all(_newest_slots))


def forget(tx: Session, task: str, before_ms: int) -> int:
    """Remove the claims of slots before a time; return how many there were."""
    return tx.run(_forget, task=task, below=before_ms)


def raise_fence(tx: Session, task: str, number: int) -> None:
    """Let only the holder of this number, or of a greater one, go on; waits for what the former one just commits."""
    tx.insert(_insert, [(task, number)])
    tx.run(_forget, task=task, below=number)


def holds_fence(tx: Session, task: str, number: int) -> bool:
    """Return whether the number is the newest; while this transaction lasts, nobody can raise another fence."""
    row = tx.one(_newest, task=task)
    return row is not None and row[0] == number


def lower_fence(tx: Session, task: str, number: int) -> None:
    """Take the fence away, unless somebody else has raised a newer one."""
    tx.run(_forget, task=task, below=number + 1)
