"""Networks an account has signed in from."""

from __future__ import annotations

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import KnownNetworks

KEPT_MS = 180 * 86_400_000

_remember = Insert(
    "network_remember",
    KnownNetworks,
    ("account_id", "network", "last_used_ms"),
    duplicate={"last_used_ms": "max"},
)
_find = Statement(
    "network_find",
    lambda: KnownNetworks.select(KnownNetworks.last_used_ms).where(
        (KnownNetworks.account_id == p("account_id")) & (KnownNetworks.network == p("network"))
    ),
)
_forget = Statement(
    "network_forget", lambda: KnownNetworks.delete().where(KnownNetworks.account_id == p("account_id"))
)


def remember(tx: Session, account_id: int, network: str, now_ms: int) -> None:
    """Note a successful sign-in; maintenance forgets networks not used for half a year."""
    tx.insert(_remember, [(account_id, network, now_ms)])


def is_known(tx: Session, account_id: int, network: str) -> bool:
    """Return whether the account has signed in from this network."""
    return tx.one(_find, account_id=account_id, network=network) is not None


def remove_all(tx: Session, account_id: int) -> None:
    """Forget every network of an account."""
    tx.run(_forget, account_id=account_id)
