"""Credentials: what proves that somebody is an account; one row per account."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.domain.accounts import Role, State
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import Accounts, Credentials

_insert = Insert(
    "credentials_insert",
    Credentials,
    ("account_id", "email", "email_confirmed_ms", "password_hash", "password_version"),
)
_find = Statement(
    "credentials_find",
    lambda: (
        Credentials.select(
            Credentials.account_id,
            Credentials.email,
            Credentials.email_confirmed_ms,
            Credentials.password_hash,
            Credentials.password_version,
            Accounts.username,
            Accounts.role,
            Accounts.state,
        )
        .join(Accounts, on=(Accounts.id == Credentials.account_id))
        .where(Credentials.account_id == p("account_id"))
    ),
)
_hold = Statement(
    "credentials_hold",
    lambda: Credentials.select(Credentials.password_version).where(
        (Credentials.account_id == p("account_id")) & (Credentials.password_version == p("version"))
    ),
    lock="FOR UPDATE",
)
_confirm = Statement(
    "credentials_confirm",
    lambda: Credentials.update(email_confirmed_ms=p("now_ms")).where(
        (Credentials.account_id == p("account_id")) & Credentials.email_confirmed_ms.is_null()
    ),
)
_set_hash = Statement(
    "credentials_set_hash",
    lambda: Credentials.update(
        password_hash=p("password_hash"), password_version=Credentials.password_version + p("by")
    ).where((Credentials.account_id == p("account_id")) & (Credentials.password_version == p("version"))),
)
_remove = Statement(
    "credentials_remove", lambda: Credentials.delete().where(Credentials.account_id == p("account_id"))
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What an account proves itself by, with what decides whether it may."""

    account_id: int
    email: str
    email_confirmed_ms: int | None
    password_hash: str
    password_version: int
    username: str
    role: Role
    state: State


def insert(
    tx: Session, account_id: int, *, email: str, password_hash: str, email_confirmed_ms: int | None = None
) -> None:
    """Write a new account's credentials, with the password's version 1."""
    tx.insert(_insert, [(account_id, email, email_confirmed_ms, password_hash, 1)])


def find(tx: Session, account_id: int) -> Credential | None:
    """Return an account's credentials in any state of the account, or None."""
    row = tx.one(_find, account_id=account_id)
    if row is None:
        return None
    id_, email, confirmed_ms, password_hash, version, username, role, state = row
    return Credential(id_, email, confirmed_ms, password_hash, version, username, Role(role), State(state))


def hold(tx: Session, account_id: int, password_version: int) -> bool:
    """Return whether the password still has this version, which then stays until the transaction ends."""
    return tx.one(_hold, account_id=account_id, version=password_version) is not None


def confirm(tx: Session, account_id: int, now_ms: int) -> bool:
    """Note that the mail address is the account's; return False when that was known."""
    return tx.run(_confirm, account_id=account_id, now_ms=now_ms) == 1


def set_password(tx: Session, account_id: int, version: int, password_hash: str) -> bool:
    """Give the password of that version a successor; return False when it has one already."""
    return tx.run(_set_hash, account_id=account_id, version=version, password_hash=password_hash, by=1) == 1


def rehash(tx: Session, account_id: int, version: int, password_hash: str) -> None:
    """Keep the same password under another hash; its version and what depends on it stay."""
    tx.run(_set_hash, account_id=account_id, version=version, password_hash=password_hash, by=0)


def remove(tx: Session, account_id: int) -> None:
    """Delete an account's credentials."""
    tx.run(_remove, account_id=account_id)
