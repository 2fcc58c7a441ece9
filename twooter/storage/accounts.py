"""Accounts: one row per account, found by id; usernames lead there through their claims."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.accounts import Account, Role, State
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Accounts

_COLUMNS = ("id", "username", "display_name", "bio", "bot", "protected", "role", "state", "version")
_FIELDS = tuple(getattr(Accounts, name) for name in (*_COLUMNS, "twoots", "followers", "following"))

_insert = Insert("account_insert", Accounts, _COLUMNS, duplicate="ignore")
_by_ids = Statement("accounts_by_ids", lambda: Accounts.select(*_FIELDS).where(Accounts.id.in_(each("ids"))))
_move_twoots = Statement(
    "account_move_twoots",
    lambda: Accounts.update(twoots=Accounts.twoots + p("by")).where(Accounts.id == p("id")),
)


def _account(row: Row) -> Account:
    return Account(*row[:4], bool(row[4]), bool(row[5]), Role(row[6]), State(row[7]), *row[8:])


def insert(tx: Session, account: Account) -> bool:
    """Write a new account; return False when its id is there already."""
    row = (
        account.id,
        account.username,
        account.display_name,
        account.bio,
        account.bot,
        account.protected,
        account.role.value,
        account.state.value,
        account.version,
    )
    return tx.insert(_insert, [row]) == 1


def fetch(tx: Session, ids: Sequence[int]) -> dict[int, Account]:
    """Return accounts by id, in any state."""
    return {row[0]: _account(row) for row in tx.all(_by_ids, ids=ids)} if ids else {}


def find(tx: Session, id_: int) -> Account | None:
    """Return an account in any state, or None."""
    return fetch(tx, [id_]).get(id_)


def move_twoots(tx: Session, id_: int, by: int) -> None:
    """Change the number of an account's twoots, relative to what it is."""
    tx.run(_move_twoots, id=id_, by=by)
