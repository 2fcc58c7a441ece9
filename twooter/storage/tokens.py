"""Tokens: found by account and id; only the SHA-256 of the secret is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import orjson

from twooter.domain.accounts import Role, State, Viewer
from twooter.domain.pages import Page
from twooter.domain.tokens import Token
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Question, Statement, each, p, packed
from twooter.storage.tables import Accounts, Credentials, Tokens
from twooter.storage.twoots import NEWEST

_FIELDS = (Tokens.id, Tokens.created_ms, Tokens.expires_ms, Tokens.last_used_ms, Tokens.user_agent)

_KEPT = 1_000
"""Rows that a process need not unpack again, as long as nothing in them changes."""

_insert = Insert(
    "token_insert",
    Tokens,
    ("account_id", "id", "secret_sha256", "created_ms", "expires_ms", "last_used_ms", "user_agent"),
)
_proof = Statement(
    "token_proof",
    lambda: (
        Tokens.select(
            packed(
                Tokens.secret_sha256,
                Tokens.expires_ms,
                Tokens.last_used_ms,
                Accounts.state,
                Accounts.username,
                Accounts.role,
                Credentials.email_confirmed_ms,
                Accounts.display_name,
                Accounts.version,
                Accounts.protected,
                Accounts.follows_hashtags,
            )
        )
        .join(Accounts, on=(Accounts.id == Tokens.account_id))
        .join_from(Tokens, Credentials, on=(Credentials.account_id == Tokens.account_id))
        .where((Tokens.account_id == p("account_id")) & (Tokens.id == p("id")))
    ),
)
_holds = Statement(
    "token_holds",
    lambda: (
        Tokens.select(
            packed(
                Tokens.secret_sha256,
                Tokens.expires_ms,
                Tokens.last_used_ms,
                Accounts.state,
                Accounts.version,
                Accounts.follows_hashtags,
            )
        )
        .join(Accounts, on=(Accounts.id == Tokens.account_id))
        .where((Tokens.account_id == p("account_id")) & (Tokens.id == p("id")))
    ),
)
_page = Statement(
    "token_page",
    lambda: (
        Tokens.select(*_FIELDS)
        .where(
            (Tokens.account_id == p("account_id"))
            & (Tokens.id < p("before"))
            & (Tokens.expires_ms > p("now_ms"))
        )
        .order_by(Tokens.id.desc())
        .limit(p("limit"))
    ),
)
_page_after = Statement(
    "token_page_after",
    lambda: (
        Tokens.select(*_FIELDS)
        .where(
            (Tokens.account_id == p("account_id"))
            & (Tokens.id > p("after"))
            & (Tokens.expires_ms > p("now_ms"))
        )
        .order_by(Tokens.id)
        .limit(p("limit"))
    ),
)
_touch = Statement(
    "token_touch",
    lambda: Tokens.update(last_used_ms=p("now_ms")).where(
        (Tokens.account_id == p("account_id")) & Tokens.id.in_(each("ids"))
    ),
)
_remove = Statement(
    "token_remove",
    lambda: Tokens.delete().where((Tokens.account_id == p("account_id")) & (Tokens.id == p("id"))),
)
_remove_all = Statement(
    "token_remove_all",
    lambda: Tokens.delete().where((Tokens.account_id == p("account_id")) & (Tokens.id != p("except_id"))),
)
_remove_expired = Statement(
    "token_remove_expired",
    lambda: Tokens.delete().where(
        (Tokens.account_id == p("account_id")) & (Tokens.expires_ms <= p("now_ms"))
    ),
)


_holding = Statement(
    "tokens_holding",
    lambda: (
        Tokens.select(Tokens.account_id, Tokens.id)
        .join(Accounts, on=(Accounts.id == Tokens.account_id))
        .where(
            Tokens.account_id.in_(each("account_ids"))
            & Tokens.id.in_(each("ids"))
            & (Tokens.expires_ms > p("now_ms"))
            & (Accounts.state == State.ACTIVE.value)
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token's row says of the token and of its account."""

    secret_sha256: str
    expires_ms: int
    last_used_ms: int
    state: State
    viewer: Viewer


class Hold(NamedTuple):
    """What decides whether a token holds, and whether its account is as it was: its version moves with what is shown
    of it and what it may do, not with whether it follows hashtags.
    """

    secret_sha256: str
    expires_ms: int
    last_used_ms: int
    state: str
    version: int
    follows_hashtags: bool


def insert(tx: Session, account_id: int, token: Token, secret_sha256: str) -> None:
    """Write a new token."""
    times = (token.created_ms, token.expires_ms, token.last_used_ms)
    tx.insert(_insert, [(account_id, token.id, secret_sha256, *times, token.user_agent)])


def fetch_holding(tx: Session, keys: Sequence[tuple[int, int]], now_ms: int) -> set[tuple[int, int]]:
    """Return which tokens, given by (account, id), hold now, and are of accounts that take part."""
    account_ids, ids = ([key[part] for key in keys] for part in (0, 1))
    rows = tx.all(_holding, account_ids=sorted(set(account_ids)), ids=sorted(set(ids)), now_ms=now_ms)
    return {(row[0], row[1]) for row in rows}


def find_proof(tx: Session, account_id: int, id_: int) -> Proof | None:
    """Return what decides about a token, in one query: every signed-in request pays for it."""
    found: list[Proof | None] = tx.ask([proof_of(account_id, id_)])
    return found[0]


def proof_of(account_id: int, id_: int) -> Question[Proof | None]:
    """Ask for what decides about a token."""
    return Question(_proof, {"account_id": account_id, "id": id_}, partial(_read_proof, account_id, id_))


def hold_of(account_id: int, id_: int) -> Question[Hold | None]:
    """Ask whether a token holds whose account is known: at two thirds of what its proof takes."""
    return Question(_holds, {"account_id": account_id, "id": id_}, _read_hold)


def _read_hold(rows: list[Row]) -> Hold | None:
    return _hold(rows[0][0]) if rows else None


@lru_cache(_KEPT)
def _hold(text: str) -> Hold:
    *others, follows_hashtags = orjson.loads(text)
    return Hold._make((*others, bool(follows_hashtags)))


def _read_proof(account_id: int, id_: int, rows: list[Row]) -> Proof | None:
    if not rows:
        return None
    found = rows[0]
    row = orjson.loads(found[0])
    shown = (row[7], row[8], bool(row[9]))
    viewer = Viewer(account_id, row[4], Role(row[5]), id_, row[6] is not None, *shown, bool(row[10]))
    return Proof(row[0], row[1], row[2], State(row[3]), viewer)


def fetch(tx: Session, account_id: int, page: Page, now_ms: int) -> list[Token]:
    """Return one page of an account's tokens that still hold, in reading order, and one more."""
    given = {"account_id": account_id, "limit": page.limit + 1, "now_ms": now_ms}
    if page.after is not None:
        rows = tx.all(_page_after, after=page.after, **given)
    else:
        rows = tx.all(_page, before=page.before or NEWEST, **given)
    return [Token(*row) for row in rows]


def touch(tx: Session, account_id: int, ids: Sequence[int], now_ms: int) -> None:
    """Note that tokens of an account were used."""
    tx.run(_touch, account_id=account_id, ids=ids, now_ms=now_ms)


def remove(tx: Session, account_id: int, id_: int) -> bool:
    """Delete a token; return False when there is none."""
    return tx.run(_remove, account_id=account_id, id=id_) == 1


def remove_all(tx: Session, account_id: int, *, except_id: int = 0) -> None:
    """Delete all tokens of an account but one."""
    tx.run(_remove_all, account_id=account_id, except_id=except_id)


def remove_expired(tx: Session, account_id: int, now_ms: int) -> None:
    """Delete the tokens of an account that no longer hold."""
    tx.run(_remove_expired, account_id=account_id, now_ms=now_ms)
