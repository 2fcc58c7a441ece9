"""Accounts: one row per account, found by id; usernames lead there through their claims."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from peewee import fn

from twooter.domain.accounts import Account, Author, Role, State
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Question, Statement, each, p, packed
from twooter.storage.tables import Accounts

_COLUMNS = ("id", "username", "display_name", "bio", "bot", "protected", "role", "state", "version")
_FIELDS = tuple(
    getattr(Accounts, name) for name in (*_COLUMNS, "silenced_ms", "twoots", "followers", "following")
)

_insert = Insert("account_insert", Accounts, _COLUMNS, duplicate="ignore")
_authors = Statement(
    "authors_by_ids",
    lambda: Accounts.select(
        packed(
            Accounts.id,
            Accounts.username,
            Accounts.display_name,
            Accounts.version,
            Accounts.protected,
            Accounts.silenced_ms,
        )
    ).where(Accounts.id.in_(each("ids")) & (Accounts.state == State.ACTIVE.value)),
)
_by_ids = Statement("accounts_by_ids", lambda: Accounts.select(*_FIELDS).where(Accounts.id.in_(each("ids"))))
_move_twoots = Statement(
    "account_move_twoots",
    lambda: Accounts.update(twoots=Accounts.twoots + p("by")).where(Accounts.id == p("id")),
)
_add_twoot = Statement(
    "account_add_twoot",
    lambda: Accounts.update(twoots=Accounts.twoots + 1).where(
        (Accounts.id == p("id")) & (Accounts.state == State.ACTIVE.value)
    ),
)
_set_profile = Statement(
    "account_set_profile",
    lambda: Accounts.update(
        display_name=fn.COALESCE(p("display_name"), Accounts.display_name),
        bio=fn.COALESCE(p("bio"), Accounts.bio),
        protected=fn.COALESCE(p("protected"), Accounts.protected),
        version=Accounts.version + 1,
    ).where((Accounts.id == p("id")) & (Accounts.state == State.ACTIVE.value)),
)
_set_state = Statement(
    "account_set_state",
    lambda: Accounts.update(state=p("state"), version=Accounts.version + 1).where(
        (Accounts.id == p("id")) & Accounts.state.in_(each("states"))
    ),
)
_set_role = Statement(
    "account_set_role",
    lambda: Accounts.update(role=p("role"), version=Accounts.version + 1).where(Accounts.id == p("id")),
)
_silence = Statement(
    "account_silence",
    lambda: Accounts.update(silenced_ms=p("at_ms"), version=Accounts.version + 1).where(
        (Accounts.id == p("id")) & Accounts.silenced_ms.is_null()
    ),
)
_unsilence = Statement(
    "account_unsilence",
    lambda: Accounts.update(silenced_ms=None, version=Accounts.version + 1).where(
        (Accounts.id == p("id")) & Accounts.silenced_ms.is_null(is_null=False)
    ),
)
_silenced = Statement(
    "accounts_silenced",
    lambda: (
        Accounts.select(Accounts.id)
        .where(Accounts.silenced_ms > 0)
        .order_by(Accounts.silenced_ms.desc())
        .limit(p("limit"))
    ),
    scatter="trends leave out silenced accounts, wherever they are; asked every few minutes, by an index",
)
_remove = Statement("account_remove", lambda: Accounts.delete().where(Accounts.id == p("id")))


def _account(row: Row) -> Account:
    id_, username, display_name, bio, bot, protected, role, state, version, silenced_ms = row[:10]
    twoots, followers, following = row[10:]
    return Account(
        id_,
        username,
        display_name,
        bio,
        bool(bot),
        bool(protected),
        Role(role),
        State(state),
        version,
        twoots,
        followers,
        following,
        silenced_ms is not None,
    )


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


def fetch_authors(tx: Session, ids: Sequence[int]) -> dict[int, Author]:
    """Return by id what is shown of active accounts beside their twoots."""
    found: list[dict[int, Author]] = tx.ask([authors(ids)]) if ids else [{}]
    return found[0]


def authors(ids: Sequence[int]) -> Question[dict[int, Author]]:
    """Ask for what is shown of active accounts beside their twoots; of one at least."""
    return Question(_authors, {"ids": ids}, _by_id)


def _by_id(rows: list[Row]) -> dict[int, Author]:
    return {
        id_: Author(id_, username, display_name, version, bool(protected), silenced_ms is not None)
        for id_, username, display_name, version, protected, silenced_ms in map(
            orjson.loads, (row[0] for row in rows)
        )
    }


def find(tx: Session, id_: int) -> Account | None:
    """Return an account in any state, or None."""
    return fetch(tx, [id_]).get(id_)


def add_twoot(tx: Session, id_: int) -> None:
    """Count a new twoot of an active account, and lock its row; whether it is active shows what comes after it."""
    tx.run_later(_add_twoot, id=id_)


def move_twoots(tx: Session, id_: int, by: int) -> None:
    """Change the number of an account's twoots, relative to what it is."""
    tx.run(_move_twoots, id=id_, by=by)


def set_profile(
    tx: Session, id_: int, *, display_name: str | None, bio: str | None, protected: bool | None = None
) -> bool:
    """Change what an active account says of itself, None leaving it; return False when there is no such account."""
    given = {"display_name": display_name, "bio": bio, "protected": protected}
    return tx.run(_set_profile, id=id_, **given) == 1


def set_state(tx: Session, id_: int, state: State, *, among: Sequence[State]) -> bool:
    """Change the state of an account that is in one of some states; return False when it is not."""
    return tx.run(_set_state, id=id_, state=state.value, states=[s.value for s in among]) == 1


def silence(tx: Session, id_: int, at_ms: int) -> bool:
    """Silence an account; return False when it is silenced already, or not there."""
    return tx.run(_silence, id=id_, at_ms=at_ms) == 1


def unsilence(tx: Session, id_: int) -> bool:
    """Take that back; return False when the account is not silenced, or not there."""
    return tx.run(_unsilence, id=id_) == 1


def fetch_silenced(tx: Session, limit: int) -> list[int]:
    """Return the accounts that were silenced last."""
    return [row[0] for row in tx.all(_silenced, limit=limit)]


def set_role(tx: Session, id_: int, role: Role) -> bool:
    """Change what an account may do; return False when there is no such account."""
    return tx.run(_set_role, id=id_, role=role.value) == 1


def remove(tx: Session, id_: int) -> None:
    """Delete an account's row."""
    tx.run(_remove, id=id_)
