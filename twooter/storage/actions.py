"""Actions: what an account did with twoots, its own side; retwoots are rows of its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import JOIN

from twooter.domain.accounts import State
from twooter.domain.actions import Kind
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Row
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Question, Statement, each, in_rows, p
from twooter.storage.tables import Accounts, Actions, TwootActions
from twooter.storage.twoots import NEWEST

_KEYS = 50
_FIELDS = (Actions.edge_id, Actions.account_id, Actions.twoot_id, Actions.author_id)

_page = Statement(
    "actions_page",
    lambda: (
        Actions.select(*_FIELDS)
        .where(
            (Actions.account_id == p("account_id"))
            & (Actions.kind == p("kind"))
            & (Actions.active == 1)
            & (Actions.edge_id < p("before"))
        )
        .order_by(Actions.edge_id.desc())
        .limit(p("limit"))
    ),
)
_page_after = Statement(
    "actions_page_after",
    lambda: (
        Actions.select(*_FIELDS)
        .where(
            (Actions.account_id == p("account_id"))
            & (Actions.kind == p("kind"))
            & (Actions.active == 1)
            & (Actions.edge_id > p("after"))
        )
        .order_by(Actions.edge_id)
        .limit(p("limit"))
    ),
)
_COLUMNS = ("account_id", "twoot_id", "kind", "author_id", "version", "active", "edge_id")
_held = Statement(
    "action_held",
    lambda: (
        Accounts.select(Actions.author_id, Actions.version, Actions.active, Actions.edge_id)
        .join(
            Actions,
            JOIN.LEFT_OUTER,
            on=(
                (Actions.account_id == Accounts.id)
                & (Actions.twoot_id == p("twoot_id"))
                & (Actions.kind == p("kind"))
            ),
        )
        .where((Accounts.id == p("account_id")) & (Accounts.state == State.ACTIVE.value))
    ),
    lock="FOR UPDATE",
)
_put = Insert(
    "action_put",
    Actions,
    _COLUMNS,
    duplicate={"author_id": "set", "version": "set", "active": "set", "edge_id": "set"},
    numbers=True,
)
_some = Statement(
    "actions_some",
    lambda: (
        Actions.select(*(getattr(Actions, name) for name in _COLUMNS))
        .where(Actions.account_id == p("account_id"))
        .limit(p("limit"))
    ),
    lock="FOR UPDATE",
)
# not (account, twoot, kind) IN (…): MariaDB looks for those it deletes by no index then
_remove = Statement(
    "actions_remove",
    lambda: Actions.delete().where(
        (Actions.account_id == p("account_id"))
        & Actions.twoot_id.in_(each("twoot_ids"))
        & (Actions.kind == p("kind"))
    ),
)
_doers = Statement(
    "action_doers",
    lambda: (
        TwootActions.select(TwootActions.edge_id, TwootActions.account_id)
        .where(
            (TwootActions.author_id == p("author_id"))
            & (TwootActions.twoot_id == p("twoot_id"))
            & (TwootActions.kind == p("kind"))
            & (TwootActions.active == 1)
            & (TwootActions.edge_id < p("before"))
        )
        .order_by(TwootActions.edge_id.desc())
        .limit(p("limit"))
    ),
)
_retwooters = Statement(
    "retwooters",
    lambda: (
        TwootActions.select(TwootActions.account_id, TwootActions.twoot_id, TwootActions.author_id)
        .where(
            in_rows((TwootActions.author_id, TwootActions.twoot_id), "keys")
            & (TwootActions.kind == int(Kind.RETWOOT))
            & (TwootActions.active == 1)
        )
        .limit(p("limit"))
    ),
)
_doers_after = Statement(
    "action_doers_after",
    lambda: (
        TwootActions.select(TwootActions.edge_id, TwootActions.account_id)
        .where(
            (TwootActions.author_id == p("author_id"))
            & (TwootActions.twoot_id == p("twoot_id"))
            & (TwootActions.kind == p("kind"))
            & (TwootActions.active == 1)
            & (TwootActions.edge_id > p("after"))
        )
        .order_by(TwootActions.edge_id)
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class Action:
    """What an account did with a twoot, or took back; `edge_id` is that of the last time it did."""

    account_id: int
    twoot: Ref
    kind: int
    version: int
    active: bool
    edge_id: int


@dataclass(frozen=True, slots=True)
class Held:
    """An active account, which nobody else can change before the transaction ends, and what it did of one kind."""

    action: Action | None


def hold(tx: Session, account_id: int, kind: Kind, twoot_id: int) -> Held | None:
    """Lock an account and return what it did with a twoot; None when it takes no part (any more)."""
    row = tx.one(_held, account_id=account_id, kind=int(kind), twoot_id=twoot_id)
    if row is None:
        return None
    author_id, version, active, edge_id = row
    if version is None:
        return Held(None)
    return Held(Action(account_id, Ref(twoot_id, author_id), int(kind), version, bool(active), edge_id))


def put(tx: Session, action: Action) -> None:
    """Write what an account did; the caller holds the account."""
    twoot = action.twoot
    row = (
        action.account_id,
        twoot.id,
        action.kind,
        twoot.author_id,
        action.version,
        int(action.active),
        action.edge_id,
    )
    tx.insert_later(_put, [row])


def fetch_some(tx: Session, account_id: int, limit: int) -> list[Action]:
    """Return some of what an account did or took back, of all kinds, locked."""
    return [
        Action(row[0], Ref(row[1], row[3]), row[2], row[4], bool(row[5]), row[6])
        for row in tx.all(_some, account_id=account_id, limit=limit)
    ]


def remove(tx: Session, account_id: int, actions: Sequence[Action]) -> None:
    """Forget what an account did."""
    for kind in sorted({action.kind for action in actions}):
        twoot_ids = [action.twoot.id for action in actions if action.kind == kind]
        tx.run(_remove, account_id=account_id, twoot_ids=twoot_ids, kind=kind)


def fetch_doers(tx: Session, twoot: Ref, kind: Kind, page: Page) -> list[tuple[int, int]]:
    """Return (edge id, account) of one page of those who did something with a twoot, in reading order, and one more."""
    given: dict[str, Any] = {"author_id": twoot.author_id, "twoot_id": twoot.id, "kind": int(kind)}
    if page.after is not None:
        rows = tx.all(_doers_after, after=page.after, limit=page.limit + 1, **given)
    else:
        rows = tx.all(_doers, before=page.before or NEWEST, limit=page.limit + 1, **given)
    return [(row[0], row[1]) for row in rows]


def fetch_retwooters(
    tx: Session, keys: Sequence[tuple[int, int]], limit: int
) -> list[tuple[int, tuple[int, int]]]:
    """Return accounts with the (author, id) keys of what they passed on, up to `limit` in all, also of what is gone.

    A query for every 50 keys.
    """
    found: list[tuple[int, tuple[int, int]]] = []
    for at in range(0, len(keys), _KEYS):
        rows = tx.all(_retwooters, keys=keys[at : at + _KEYS], limit=limit - len(found))
        found += [(row[0], (row[2], row[1])) for row in rows]
        if len(found) >= limit:
            break
    return found


def fetch(tx: Session, account_id: int, kind: Kind, page: Page) -> list[Row]:
    """Return one page of what an account did of one kind in reading order, and one more; ids are those of the doing."""
    found: list[list[Row]] = tx.ask([done_by(account_id, kind, page)])
    return found[0]


def done_by(account_id: int, kind: Kind, page: Page) -> Question[list[Row]]:
    """Ask for one page of what an account did of one kind in reading order, and one more."""
    given = {"account_id": account_id, "kind": int(kind), "limit": page.limit + 1}
    if page.after is not None:
        return Question(_page_after, {**given, "after": page.after}, _read)
    return Question(_page, {**given, "before": page.before or NEWEST}, _read)


def _read(rows: list[tuple[Any, ...]]) -> list[Row]:
    return [Row(row[0], row[1], Ref(row[2], row[3])) for row in rows]
