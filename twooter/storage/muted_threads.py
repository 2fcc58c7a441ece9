"""Muted conversations: by account and first twoot."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, in_rows, p
from twooter.storage.tables import MutedThreads

_KEY = (MutedThreads.account_id, MutedThreads.root_id)

_insert = Insert("muted_thread_insert", MutedThreads, ("account_id", "root_id"), duplicate="ignore")
_remove = Statement(
    "muted_thread_remove",
    lambda: MutedThreads.delete().where(
        (MutedThreads.account_id == p("account_id")) & (MutedThreads.root_id == p("root_id"))
    ),
)
_remove_all = Statement(
    "muted_threads_remove", lambda: MutedThreads.delete().where(MutedThreads.account_id == p("account_id"))
)
_among = Statement("muted_threads", lambda: MutedThreads.select(*_KEY).where(in_rows(_KEY, "keys")))


def insert(tx: Session, account_id: int, root_id: int) -> None:
    """Mute a conversation; twice is once."""
    tx.insert(_insert, [(account_id, root_id)])


def remove(tx: Session, account_id: int, root_id: int) -> None:
    """Hear of a conversation again."""
    tx.run(_remove, account_id=account_id, root_id=root_id)


def remove_all(tx: Session, account_id: int) -> None:
    """Forget what an account has muted."""
    tx.run(_remove_all, account_id=account_id)


def fetch(tx: Session, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which of (account, first twoot)s are muted."""
    return {(row[0], row[1]) for row in tx.all(_among, keys=keys)} if keys else set()
