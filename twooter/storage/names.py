"""Names: the keys by whose beginnings accounts are found, in the order of the alphabet."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.graph import State
from twooter.domain.searches import NamePlace
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import AccountNames, Accounts, Following

_END = "\U0010ffff"

_insert = Insert("account_name_insert", AccountNames, ("account_id", "name"), duplicate="ignore")
_delete = Statement(
    "account_names_delete", lambda: AccountNames.delete().where(AccountNames.account_id == p("account_id"))
)
_page = Statement(
    "account_name_page",
    lambda: (
        AccountNames.select(AccountNames.name, AccountNames.account_id)
        .where((AccountNames.name >= p("name")) & (AccountNames.name < p("high")))
        .where((AccountNames.name > p("name")) | (AccountNames.account_id > p("account_id")))
        .order_by(AccountNames.name, AccountNames.account_id)
        .limit(p("limit"))
    ),
)
_among = Statement(
    "account_names_among",
    lambda: (
        AccountNames.select(AccountNames.name, AccountNames.account_id)
        .where(AccountNames.account_id.in_(each("account_ids")))
        .where((AccountNames.name >= p("prefix")) & (AccountNames.name < p("high")))
        .order_by(AccountNames.name, AccountNames.account_id)
        .limit(p("limit"))
    ),
)
_followed = Statement(
    "account_names_followed",
    lambda: (
        Following.select(Following.target_id)
        .where((Following.account_id == p("account_id")) & (Following.state == State.ACTIVE.value))
        .order_by(Following.edge_id.desc())
        .limit(p("limit"))
    ),
)
_of_accounts = Statement(
    "account_names_of",
    lambda: AccountNames.select(AccountNames.account_id, AccountNames.name).where(
        AccountNames.account_id.in_(each("account_ids"))
    ),
)
_accounts = Statement(
    "account_names_source",
    lambda: (
        Accounts.select(Accounts.id, Accounts.username, Accounts.display_name)
        .where(Accounts.id < p("before"))
        .order_by(Accounts.id.desc())
        .limit(p("limit"))
    ),
    scatter="the index is looked over against the shard it is connected to",
)
_lock = Statement(
    "account_names_lock",
    lambda: Accounts.select(Accounts.username, Accounts.display_name).where(Accounts.id == p("id")),
    lock="FOR UPDATE",
)

Named = tuple[int, str, str]
"""(account, username, display name)."""


def put(tx: Session, account_id: int, names: Sequence[str]) -> None:
    """Let an account be found by these keys, and no others."""
    remove(tx, account_id)
    if names:
        tx.insert_later(_insert, [(account_id, name) for name in names])


def remove(tx: Session, account_id: int) -> None:
    """Let an account be found no more."""
    tx.run_later(_delete, account_id=account_id)


def fetch(tx: Session, prefix: str, after: NamePlace | None, limit: int) -> list[NamePlace]:
    """Return keys that begin with a prefix, after a place, in the order of the alphabet."""
    place = NamePlace(prefix, 0) if after is None else after
    given = {"name": place.name, "account_id": place.account_id, "high": prefix + _END, "limit": limit}
    return [NamePlace(*row) for row in tx.all(_page, **given)]


def fetch_among(tx: Session, account_ids: Sequence[int], prefix: str, limit: int) -> list[NamePlace]:
    """Return keys of some accounts that begin with a prefix, in the order of the alphabet."""
    if not account_ids:
        return []
    given = {"account_ids": account_ids, "prefix": prefix, "high": prefix + _END, "limit": limit}
    return [NamePlace(*row) for row in tx.all(_among, **given)]


def fetch_followed(tx: Session, account_id: int, limit: int) -> list[int]:
    """Return whom an account followed last."""
    return [row[0] for row in tx.all(_followed, account_id=account_id, limit=limit)]


def fetch_of(tx: Session, account_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return the keys of accounts, of those that have any."""
    found: dict[int, set[str]] = {}
    for account_id, name in tx.all(_of_accounts, account_ids=account_ids) if account_ids else ():
        found.setdefault(account_id, set()).add(name)
    return found


def fetch_accounts(tx: Session, before: int, limit: int) -> list[Named]:
    """Return one page of all accounts' names, the newest first."""
    return [(row[0], row[1], row[2]) for row in tx.all(_accounts, before=before, limit=limit)]


def lock_account(tx: Session, account_id: int) -> tuple[str, str] | None:
    """Return an account's names, which nobody changes before the transaction ends."""
    row = tx.one(_lock, id=account_id)
    return None if row is None else (row[0], row[1])
