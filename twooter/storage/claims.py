"""Claims: who owns a username, and who has confirmed a mail address."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import EmailClaims, UsernameClaims

Claim = tuple[str, int]
"""(username, account id)."""
EmailClaim = tuple[str, int]
"""(hash of the address, account id)."""

_claim = Insert(
    "username_claim", UsernameClaims, ("username", "account_id", "pending_since_ms"), duplicate="ignore"
)
_by_username = Statement(
    "username_find",
    lambda: UsernameClaims.select(UsernameClaims.account_id).where(UsernameClaims.username == p("username")),
)
_by_usernames = Statement(
    "usernames_find",
    lambda: UsernameClaims.select(UsernameClaims.username, UsernameClaims.account_id).where(
        UsernameClaims.username.in_(each("usernames"))
    ),
)
_settle = Statement(
    "username_settle",
    lambda: UsernameClaims.update(pending_since_ms=None).where(
        (UsernameClaims.username == p("username")) & (UsernameClaims.account_id == p("account_id"))
    ),
)
_release = Statement(
    "username_release",
    lambda: UsernameClaims.delete().where(
        (UsernameClaims.username == p("username"))
        & (UsernameClaims.account_id == p("account_id"))
        & UsernameClaims.pending_since_ms.is_null(is_null=False)
    ),
)
_pending = Statement(
    "username_pending",
    lambda: (
        UsernameClaims.select(UsernameClaims.username, UsernameClaims.account_id)
        .where(UsernameClaims.pending_since_ms < p("before_ms"))
        .order_by(UsernameClaims.pending_since_ms)
        .limit(p("limit"))
    ),
)
_claim_email = Insert("email_claim", EmailClaims, ("email_hmac", "account_id"), duplicate="ignore")
_by_email = Statement(
    "email_find",
    lambda: EmailClaims.select(EmailClaims.account_id).where(EmailClaims.email_hmac == p("hmac")),
)
_emails = Statement(
    "emails_some",
    lambda: EmailClaims.select(EmailClaims.email_hmac, EmailClaims.account_id).limit(p("limit")),
    scatter="any few rows will do",
)
_release_email = Statement(
    "email_release",
    lambda: EmailClaims.delete().where(
        (EmailClaims.email_hmac == p("hmac")) & (EmailClaims.account_id == p("account_id"))
    ),
)


def claim_username(tx: Session, username: str, account_id: int, now_ms: int) -> bool:
    """Take a username until its account is written; return False when somebody has it."""
    return tx.insert(_claim, [(username, account_id, now_ms)]) == 1


def settle_username(tx: Session, username: str, account_id: int) -> None:
    """Make a claim final: the account is there."""
    tx.run(_settle, username=username, account_id=account_id)


def release_username(tx: Session, username: str, account_id: int) -> None:
    """Give a username back that is still pending."""
    tx.run(_release, username=username, account_id=account_id)


def fetch_pending(tx: Session, before_ms: int, limit: int) -> list[Claim]:
    """Return claims pending since before a time, oldest first."""
    return [(row[0], row[1]) for row in tx.all(_pending, before_ms=before_ms, limit=limit)]


def find_by_username(tx: Session, username: str) -> int | None:
    """Return who claimed a username, settled or not, or None."""
    row = tx.one(_by_username, username=username)
    return None if row is None else row[0]


def fetch_by_usernames(tx: Session, usernames: Sequence[str]) -> dict[str, int]:
    """Return by username who claimed it, settled or not; at least one must be asked for."""
    return {row[0]: row[1] for row in tx.all(_by_usernames, usernames=usernames)}


def claim_email(tx: Session, email_hmac: str, account_id: int) -> None:
    """Claim a mail address unless somebody has it; who has it then, `find_by_email` tells."""
    tx.insert(_claim_email, [(email_hmac, account_id)])


def find_by_email(tx: Session, hmac: str) -> int | None:
    """Return who confirmed the mail address with this hash, or None."""
    row = tx.one(_by_email, hmac=hmac)
    return None if row is None else row[0]


def release_email(tx: Session, hmac: str, account_id: int) -> None:
    """Give an account's mail address back."""
    tx.run(_release_email, hmac=hmac, account_id=account_id)


def fetch_emails(tx: Session, limit: int) -> list[EmailClaim]:
    """Return a few claims of mail addresses, whichever they are."""
    return [(row[0], row[1]) for row in tx.all(_emails, limit=limit)]
